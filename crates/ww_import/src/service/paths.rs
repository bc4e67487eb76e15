//! Paths of files as the user named them, and what they say of one another.

/// The folder of a file; empty for a file without one.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// A path that a file in a folder names: `.` and `..` are taken away where they can be.
pub(crate) fn resolve(folder: &str, named: &str) -> String {
    let whole = if named.starts_with('/') || folder.is_empty() {
        named.to_owned()
    } else {
        format!("{folder}/{named}")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, "" | "..")) => {
                parts.pop();
            }
            "" if !parts.is_empty() => {}
            _ => parts.push(part),
        }
    }
    match parts.as_slice() {
        [""] => "/".to_owned(),
        parts => parts.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn a_path_is_taken_from_the_folder_of_the_file_that_names_it() {
        assert_eq!(
            resolve("shop/proxy", "./nginx.conf"),
            "shop/proxy/nginx.conf"
        );
        assert_eq!(resolve("shop/proxy", "../backend/"), "shop/backend");
        assert_eq!(resolve("shop", "/etc/nginx"), "/etc/nginx");
        assert_eq!(resolve("", "../x"), "../x");
        assert_eq!(resolve("shop", "."), "shop");
        assert_eq!(resolve("/", "."), "/");
    }
}
