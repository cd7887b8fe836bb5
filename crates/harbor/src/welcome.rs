//! What a server says when it is ready: where it is, how to sign in, what to try first.

use std::fmt;
use std::path::PathBuf;

use crate::admin::FirstPassword;

/// Printed to standard output once clients can connect.
#[derive(Clone, Debug)]
pub struct Welcome {
    /// `http://127.0.0.1:8080`
    pub url: String,
    /// `127.0.0.1:8080`: what stands before the name of an image.
    pub registry: String,
    pub(crate) password: FirstPassword,
    pub(crate) password_file: PathBuf,
}

impl fmt::Display for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, registry, .. } = self;
        writeln!(f, "\nHarbor is ready at {url}\n")?;
        writeln!(f, "  user name   admin")?;
        match &self.password {
            FirstPassword::Generated(password) => {
                writeln!(f, "  password    {password}")?;
                writeln!(
                    f,
                    "              (shown once; kept in {})",
                    self.password_file.display()
                )?;
            }
            FirstPassword::Given => writeln!(f, "  password    the one in HARBOR_ADMIN_PASSWORD")?,
            FirstPassword::Known => writeln!(
                f,
                "  password    as you set it (the first one is in {})",
                self.password_file.display()
            )?,
        }
        writeln!(f, "\nTry it:\n")?;
        writeln!(f, "  docker login {registry} -u admin")?;
        writeln!(f, "  docker tag IMAGE {registry}/library/IMAGE")?;
        writeln!(f, "  docker push {registry}/library/IMAGE")
    }
}
