//! The log collector: syslog in, one rotated file a service out.
