//! Walking from another network namespace: that of a container, of a pod, of a lab.

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::path::PathBuf;

/// A network namespace as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkNamespace {
    /// A name as `ip netns` has it, or a path (`/proc/1234/ns/net`, `/run/docker/netns/…`).
    Named(String),
    /// That of a process.
    OfProcess(u32),
}

impl fmt::Display for NetworkNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetworkNamespace::Named(name) => f.write_str(name),
            NetworkNamespace::OfProcess(process) => write!(f, "process {process}"),
        }
    }
}

/// This thread is in another network namespace until this value is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    home: File,
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Who could leave can return; a destructor has nobody to tell.
        let _ = move_into_link_name_space(self.home.as_fd(), Some(LinkNameSpaceType::Network));
    }
}

impl NetworkNamespace {
    /// Moves this thread, and those that it starts from now on, into the namespace.
    pub(crate) fn enter(&self) -> io::Result<Entered> {
        let home = File::open("/proc/thread-self/ns/net")?;
        let path = self.path();
        let there = File::open(&path).map_err(|error| self.told(&error))?;
        move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|error| self.told(&error.into()))?;
        Ok(Entered { home })
    }

    /// What leads a command there: to be put before it.
    pub(crate) fn prefix(&self) -> String {
        match self {
            NetworkNamespace::Named(name) if !name.contains('/') => {
                format!("ip netns exec {name} ")
            }
            NetworkNamespace::Named(path) => format!("nsenter --net={path} "),
            NetworkNamespace::OfProcess(process) => format!("nsenter -t {process} -n "),
        }
    }

    fn path(&self) -> PathBuf {
        match self {
            NetworkNamespace::Named(name) if !name.contains('/') => {
                PathBuf::from("/run/netns").join(name)
            }
            NetworkNamespace::Named(path) => PathBuf::from(path),
            NetworkNamespace::OfProcess(process) => {
                PathBuf::from(format!("/proc/{process}/ns/net"))
            }
        }
    }

    fn told(&self, error: &io::Error) -> io::Error {
        let path = self.path();
        let path = path.display();
        let text = match (error.kind(), self) {
            (io::ErrorKind::NotFound, NetworkNamespace::OfProcess(process)) => {
                format!("there is no process {process}")
            }
            (io::ErrorKind::NotFound, NetworkNamespace::Named(name)) => format!(
                "there is no network namespace {name} ({path}); ip netns list shows those with names"
            ),
            (io::ErrorKind::PermissionDenied, _) => format!(
                "entering the network namespace of {self} ({path}) takes the privilege CAP_SYS_ADMIN: run as root"
            ),
            (io::ErrorKind::InvalidInput, _) => format!("{path} is no network namespace"),
            _ => format!("the network namespace of {self} ({path}) cannot be entered: {error}"),
        };
        io::Error::new(error.kind(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_entered_is_told() {
        let named = |name: &str| NetworkNamespace::Named(name.to_owned());
        let cases = [
            (named("no-such-namespace"), "ip netns list"),
            (named("/proc/self/status"), "no network namespace"),
            (NetworkNamespace::OfProcess(u32::MAX), "no process"),
        ];
        for (namespace, words) in cases {
            let error = namespace.enter().map(drop).expect_err("not there");
            // Without privilege the kernel may refuse before it looks at the file.
            let told = error.to_string();
            assert!(
                told.contains(words) || told.contains("CAP_SYS_ADMIN"),
                "{told}"
            );
        }
    }

    #[test]
    fn commands_are_led_into_the_namespace() {
        assert_eq!(
            NetworkNamespace::Named("blue".to_owned()).prefix(),
            "ip netns exec blue "
        );
        assert_eq!(NetworkNamespace::OfProcess(7).prefix(), "nsenter -t 7 -n ");
    }
}
