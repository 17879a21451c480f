//! What a window may ask of the plugin.

use std::sync::Arc;

use serde::Deserialize;
use tauri::ipc::{Channel, CommandScope};
use tauri::{Runtime, State, Webview};
use tokio::sync::Notify;

use crate::{AllowList, Error, Info, Message, Outgoing, Page, Supervisor};

/// A method that a capability grants to its windows, besides those of their list.
#[derive(Debug, Deserialize)]
pub(crate) struct Granted {
    method: String,
}

#[tauri::command]
pub(crate) async fn connect<R: Runtime>(
    webview: Webview<R>,
    sidecar: State<'_, Supervisor>,
    channel: Channel<Message>,
    connection: String,
) -> Result<Info, Error> {
    let label = webview.label().to_owned();
    let page = Arc::new(View { webview, channel });
    sidecar.connect(&label, &connection, page).await
}

/// Not `async`: such commands run one after the other, in the order in which they came. It is
/// quick, and waits for nothing.
#[tauri::command]
#[allow(clippy::needless_pass_by_value)] // what Tauri gives
pub(crate) fn send<R: Runtime>(
    webview: Webview<R>,
    sidecar: State<'_, Supervisor>,
    allowed: State<'_, AllowList>,
    granted: CommandScope<Granted>,
    line: String,
) -> Result<(), Error> {
    let message = Outgoing::parse(line)?;
    let granted: Vec<_> = granted.allows().iter().map(|each| each.method.as_str()).collect();
    allowed.check(webview.label(), &message, &granted)?;
    sidecar.send(webview.label(), message)
}

#[tauri::command]
#[allow(clippy::needless_pass_by_value)] // what Tauri gives
pub(crate) fn disconnect<R: Runtime>(
    webview: Webview<R>,
    sidecar: State<'_, Supervisor>,
    connection: String,
) {
    sidecar.disconnect(webview.label(), &connection);
}

struct View<R: Runtime> {
    webview: Webview<R>,
    channel: Channel<Message>,
}

impl<R: Runtime> Page for View<R> {
    fn deliver(&self, message: Message) -> bool {
        self.channel.send(message).is_ok()
    }

    fn when_read(&self, read: Arc<Notify>) {
        // what is evaluated after all that was sent is answered after it, too
        let _ = self.webview.eval_with_callback("0", move |_| read.notify_one());
    }
}
