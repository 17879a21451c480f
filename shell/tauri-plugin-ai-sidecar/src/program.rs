//! Where the sidecar is, and with what it is started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::{Config, Error, Launch};

/// In debug builds: a command in the place of the bundled sidecar, as a JSON array.
const VARIABLE: &str = "AI_SIDECAR_COMMAND";
const PROGRAM: &str = "ai-sidecar";

/// The folders of an app.
pub(crate) struct Folders {
    /// Of its own program.
    pub(crate) program: PathBuf,
    pub(crate) resources: Option<PathBuf>,
    pub(crate) data: PathBuf,
}

/// What to start. `variable` is the value of [`VARIABLE`]; a command holds in `debug` builds alone,
/// since in a released app it would let others choose the program that is given the keys.
pub(crate) fn launch(
    config: &Config,
    folders: &Folders,
    variable: Option<&str>,
    debug: bool,
) -> Result<Launch, Error> {
    let mut words = command(config, variable.filter(|_| debug), debug)?.into_iter();
    let program = match (words.next(), &config.program, &config.resource) {
        (Some(word), _, _) => word.into(),
        (None, Some(_), Some(_)) => {
            return Err(Error::Config("Only one of `program` and `resource` can hold.".into()));
        }
        (None, _, Some(path)) => executable(resource(folders, path)?),
        (None, name, None) => executable(folders.program.join(name.as_deref().unwrap_or(PROGRAM))),
    };
    let mut launch = Launch::new(program);
    launch.args = words.map(OsString::from).collect();
    let home = config.home.as_deref().unwrap_or(Path::new(PROGRAM));
    launch.args.extend(["--home".into(), folders.data.join(home).into()]);
    if let Some(path) = &config.worker {
        let worker = executable(resource(folders, path)?);
        if worker.is_file() {
            launch.args.extend(["--worker".into(), worker.into()]);
        } else {
            log::warn!("there is no {}: no local models", worker.display());
        }
    }
    launch.args.extend(config.args.iter().map(OsString::from));
    Ok(launch)
}

pub(crate) fn variable() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|text| !text.is_empty())
}

fn command(config: &Config, variable: Option<&str>, debug: bool) -> Result<Vec<String>, Error> {
    let Some(text) = variable else {
        return Ok(config.command.clone().filter(|_| debug).unwrap_or_default());
    };
    serde_json::from_str(text).map_err(|_| {
        let example = r#"["python3", "-m", "sidecar"]"#;
        Error::Config(format!("{VARIABLE} has to be a JSON array of words, like {example}."))
    })
}

fn resource(folders: &Folders, path: &Path) -> Result<PathBuf, Error> {
    let resources = folders.resources.as_ref();
    let resources =
        resources.ok_or_else(|| Error::Config("There is no resource folder.".into()))?;
    Ok(resources.join(path))
}

fn executable(path: PathBuf) -> PathBuf {
    let suffix = std::env::consts::EXE_SUFFIX;
    if suffix.is_empty() || path.extension().is_some_and(|found| found == &suffix[1..]) {
        return path;
    }
    let mut path = path.into_os_string();
    path.push(suffix);
    path.into()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn folders() -> Folders {
        Folders {
            program: "/opt/app".into(),
            resources: Some(env!("CARGO_MANIFEST_DIR").into()),
            data: "/data/app".into(),
        }
    }

    fn words(config: &str, variable: Option<&str>, debug: bool) -> Result<String, Error> {
        let config = serde_json::from_str(config).unwrap();
        let launch = launch(&config, &folders(), variable, debug)?;
        let args = launch.args.iter().map(|arg| arg.to_str().unwrap());
        Ok([launch.program.to_str().unwrap()].into_iter().chain(args).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn it_lies_beside_the_app_unless_told_otherwise() {
        let home = "--home /data/app/ai-sidecar";
        assert_eq!(words("{}", None, false).unwrap(), format!("/opt/app/ai-sidecar {home}"));
        let config = r#"{"program": "brain", "args": ["--scripted", "x"]}"#;
        assert_eq!(
            words(config, None, false).unwrap(),
            format!("/opt/app/brain {home} --scripted x")
        );
        let here = env!("CARGO_MANIFEST_DIR");
        assert_eq!(
            words(r#"{"resource": "a/b"}"#, None, false).unwrap(),
            format!("{here}/a/b {home}")
        );
        assert!(words(r#"{"resource": "a/b", "program": "c"}"#, None, false).is_err());
    }

    #[test]
    fn a_command_holds_in_debug_builds_alone() {
        let config = r#"{"command": ["py", "-m", "sidecar"]}"#;
        assert!(words(config, None, true).unwrap().starts_with("py -m sidecar --home"));
        assert!(words(config, None, false).unwrap().starts_with("/opt/app/ai-sidecar"));
        let variable = Some(r#"["other one"]"#);
        assert!(words(config, variable, true).unwrap().starts_with("other one --home"));
        assert!(words("{}", variable, false).unwrap().starts_with("/opt/app/ai-sidecar"));
        assert!(matches!(words("{}", Some("python"), true), Err(Error::Config(_))));
    }

    #[test]
    fn a_home_may_be_named_and_a_worker_is_handed_on_where_there_is_one() {
        assert!(words(r#"{"home": "ai"}"#, None, false).unwrap().ends_with("--home /data/app/ai"));
        assert!(words(r#"{"home": "/ai"}"#, None, false).unwrap().ends_with("--home /ai"));
        assert!(!words(r#"{"worker": "nothing"}"#, None, false).unwrap().contains("--worker"));
        let found = words(r#"{"worker": "Cargo.toml"}"#, None, false).unwrap();
        assert!(found.ends_with(concat!("--worker ", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")));
    }
}
