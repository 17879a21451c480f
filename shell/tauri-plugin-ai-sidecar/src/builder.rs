use std::path::PathBuf;

use tauri::plugin::{Builder as PluginBuilder, TauriPlugin};
use tauri::webview::PageLoadEvent;
use tauri::{AppHandle, Manager, Runtime, generate_handler};

use crate::program::{self, Folders};
use crate::{AllowList, Config, Launch, Supervisor, commands, exit};

/// Makes the plugin. What is said here wins over `plugins.ai-sidecar` of `tauri.conf.json`.
///
/// ```no_run
/// fn add_to<R: tauri::Runtime>(app: tauri::Builder<R>) -> tauri::Builder<R> {
///     let sidecar = tauri_plugin_ai_sidecar::Builder::new()
///         .worker("ai-sidecar-llama/ai-sidecar-llama")
///         .methods("main", ["*"])
///         .methods("settings", ["*", "set_api_key", "delete_api_key"]);
///     app.plugin(sidecar.build())
/// }
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct Builder {
    program: Option<String>,
    resource: Option<PathBuf>,
    command: Option<Vec<String>>,
    worker: Option<PathBuf>,
    home: Option<PathBuf>,
    args: Vec<String>,
    methods: Vec<(String, Vec<String>)>,
    keep_signals: bool,
}

impl Builder {
    /// Begins with the configuration as it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sidecar's name among `bundle.externalBin`.
    pub fn program(mut self, name: impl Into<String>) -> Self {
        self.program = Some(name.into());
        self
    }

    /// The sidecar's path in the resource folder.
    pub fn resource(mut self, path: impl Into<PathBuf>) -> Self {
        self.resource = Some(path.into());
        self
    }

    /// In debug builds alone: a command in the place of the bundled sidecar. The environment
    /// variable `AI_SIDECAR_COMMAND`, a JSON array, wins over it.
    pub fn command<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.command = Some(words.into_iter().map(Into::into).collect());
        self
    }

    /// The path of the program for local models in the resource folder.
    pub fn worker(mut self, path: impl Into<PathBuf>) -> Self {
        self.worker = Some(path.into());
        self
    }

    /// The sidecar's home folder; a relative path begins in the app's data folder.
    pub fn home(mut self, path: impl Into<PathBuf>) -> Self {
        self.home = Some(path.into());
        self
    }

    /// Further arguments of the sidecar, after those of the configuration.
    pub fn args<W: Into<String>>(mut self, args: impl IntoIterator<Item = W>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// What a window may use; see [`AllowList`].
    pub fn methods<M: Into<String>>(
        mut self,
        window: impl Into<String>,
        methods: impl IntoIterator<Item = M>,
    ) -> Self {
        self.methods.push((window.into(), methods.into_iter().map(Into::into).collect()));
        self
    }

    /// Leaves SIGTERM and SIGINT alone, for an app that has its own use for them. Otherwise they
    /// end the app as closing its last window does.
    pub fn keep_signals(mut self) -> Self {
        self.keep_signals = true;
        self
    }

    /// Makes the plugin.
    #[must_use]
    pub fn build<R: Runtime>(self) -> TauriPlugin<R, Option<Config>> {
        PluginBuilder::<R, Option<Config>>::new("ai-sidecar")
            .invoke_handler(generate_handler![
                commands::connect,
                commands::send,
                commands::disconnect
            ])
            .setup(move |app, api| {
                let (config, keep_signals) =
                    self.applied_to(api.config().clone().unwrap_or_default());
                let launch = launch(app, &config)?;
                let runtime = tauri::async_runtime::handle().inner().clone();
                app.manage::<AllowList>(config.methods);
                app.manage(Supervisor::new(launch, runtime));
                #[cfg(unix)]
                if !keep_signals {
                    exit::at_signals(app.clone());
                }
                #[cfg(not(unix))]
                let _ = keep_signals;
                Ok(())
            })
            .on_page_load(|webview, load| {
                if load.event() == PageLoadEvent::Started {
                    // another document: what is sent to the former one's channel finds nobody
                    webview.state::<Supervisor>().page_gone(webview.label());
                }
            })
            .on_event(exit::happened)
            .build()
    }

    fn applied_to(self, mut config: Config) -> (Config, bool) {
        if self.program.is_some() || self.resource.is_some() {
            (config.program, config.resource) = (self.program, self.resource);
        }
        config.command = self.command.or(config.command);
        config.worker = self.worker.or(config.worker);
        config.home = self.home.or(config.home);
        config.args.extend(self.args);
        for (window, methods) in self.methods {
            config.methods.set(window, methods);
        }
        (config, self.keep_signals)
    }
}

fn launch<R: Runtime>(
    app: &AppHandle<R>,
    config: &Config,
) -> Result<Launch, Box<dyn std::error::Error>> {
    let own = tauri::process::current_binary(&app.env())?;
    let folders = Folders {
        program: own.parent().map(Into::into).unwrap_or_default(),
        resources: app.path().resource_dir().ok(),
        data: app.path().app_data_dir()?,
    };
    let variable = program::variable();
    let mut launch =
        program::launch(config, &folders, variable.as_deref(), cfg!(debug_assertions))?;
    let package = app.package_info();
    launch.client_name.clone_from(&package.name);
    launch.client_version = package.version.to_string();
    Ok(launch)
}
