//! Finds an installed libentropy through pkg-config, or else compiles the C sources.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let installed = match env::var_os("CARGO_FEATURE_VENDORED") {
        Some(_) => None,
        None => pkg_config::Config::new().range_version("0.1".."1").probe("entropy").ok(),
    };
    let include = match installed {
        // Empty where the header lies in a directory that the compiler searches anyway.
        Some(library) => library.include_paths.into_iter().next(),
        None => Some(compile()?),
    };
    if let Some(include) = &include {
        println!("cargo:include={}", include.display());
    }
    let include = include.unwrap_or_default();
    println!("cargo:rustc-env=ENTROPY_INCLUDE={}", include.display());
    Ok(())
}

/// Compiles the library into a static one. Returns the directory of its header.
fn compile() -> Result<PathBuf, Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("vendor");
    let include = root.join("include");
    let mut build = cc::Build::new();
    // The sources choose their instruction sets themselves. Contracted multiply-adds would change the
    // bits of results; -O3 whatever the profile, since a debug build is a hundred times slower.
    build.std("c11").include(&include).opt_level(3);
    build
        .flag("-ffp-contract=off")
        .flag("-fno-math-errno")
        .flag("-pthread")
        .flag("-Werror=implicit-function-declaration");
    if build.get_compiler().is_like_gnu() {
        build.flag("-fno-schedule-insns2"); // would move the prefetches together
    }
    for directory in ["src", "kernels"] {
        let directory = root.join(directory);
        println!("cargo:rerun-if-changed={}", directory.display());
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "c") {
                build.file(path);
            }
        }
    }
    println!("cargo:rerun-if-changed={}", include.display());
    build.try_compile("entropy")?;
    println!("cargo:rustc-link-lib=m");
    println!("cargo:rustc-link-lib=pthread");
    Ok(include)
}
