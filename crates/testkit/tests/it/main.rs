//! Features as their users meet them: one binary, one module for each feature.

mod push_pull;
