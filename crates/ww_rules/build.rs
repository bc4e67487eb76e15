//! Packs the pages of all rules into one compressed file, a fifth of their size. They are many and alike, and read one at
//! a time.

#![allow(
    clippy::disallowed_methods,
    reason = "a build script reads and writes files"
)]

use flate2::{Compression, write::ZlibEncoder};
use std::error::Error;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mut packed = ZlibEncoder::new(fs::File::create(out.join("pages.zz"))?, Compression::best());
    for family in sorted(Path::new("src"))? {
        if family.is_dir() {
            for page in sorted(&family)? {
                pack(&page, &mut packed)?;
            }
        }
    }
    packed.finish()?;
    Ok(())
}

/// What is in a folder, in the order of its names.
fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

/// A page as a NUL, its path below `src` in a line, and its text.
fn pack(page: &Path, packed: &mut impl Write) -> Result<(), Box<dyn Error>> {
    if page.extension().is_some_and(|extension| extension == "md") {
        let text = fs::read_to_string(page)?;
        let named = |path: Option<&OsStr>| path.and_then(|path| path.to_str().map(str::to_owned));
        let family =
            named(page.parent().and_then(Path::file_name)).ok_or("a folder without a name")?;
        let file = named(page.file_name()).ok_or("a page without a name")?;
        write!(packed, "\0{family}/{file}\n{text}")?;
    }
    Ok(())
}
