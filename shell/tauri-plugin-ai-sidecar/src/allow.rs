use std::collections::HashMap;

use serde::Deserialize;

use crate::{Error, Outgoing};

/// What `*` does not stand for: what touches keys, and what ends the sidecar for all windows.
const NAMED_ALONE: [&str; 7] = [
    "set_api_key",
    "delete_api_key",
    "create_vault",
    "unlock_vault",
    "lock_vault",
    "change_vault_password",
    "shutdown",
];

/// Which window may use which methods.
///
/// A window without a list of its own has that of `*`; where there is none either, it may use `*`:
/// every method but `set_api_key`, `delete_api_key`, `create_vault`, `unlock_vault`, `lock_vault`,
/// `change_vault_password` and `shutdown`, which have to be named.
///
/// ```
/// use tauri_plugin_ai_sidecar::{AllowList, Outgoing};
///
/// let mut allowed = AllowList::default();
/// allowed.set("settings", ["*", "set_api_key"]);
/// allowed.set("help", ["call_ai_provider"]);
/// let line = r#"{"jsonrpc":"2.0","id":"1","method":"set_api_key","params":{}}"#;
/// let message = Outgoing::parse(line.into())?;
/// assert!(allowed.check("settings", &message, &[]).is_ok());
/// assert!(allowed.check("help", &message, &[]).is_err());
/// assert!(allowed.check("main", &message, &[]).is_err());
/// # Ok::<(), tauri_plugin_ai_sidecar::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct AllowList {
    windows: HashMap<String, Vec<String>>,
}

impl AllowList {
    /// Gives a window its list, in the place of a former one. The window `*` is every other one.
    pub fn set<M: Into<String>>(
        &mut self,
        window: impl Into<String>,
        methods: impl IntoIterator<Item = M>,
    ) {
        self.windows.insert(window.into(), methods.into_iter().map(Into::into).collect());
    }

    /// Looks whether a window may send this; `granted` is what it may use besides its list.
    ///
    /// # Errors
    ///
    /// [`Error::NotAllowed`] with the first method that is not allowed.
    pub fn check(&self, window: &str, message: &Outgoing, granted: &[&str]) -> Result<(), Error> {
        let list = self.windows.get(window).or_else(|| self.windows.get("*"));
        let allowed = |method: &str| {
            granted.contains(&method)
                || match list {
                    None => !NAMED_ALONE.contains(&method),
                    Some(list) => list.iter().any(|entry| {
                        entry == method || (entry == "*" && !NAMED_ALONE.contains(&method))
                    }),
                }
        };
        match message.methods().find(|method| !allowed(method)) {
            None => Ok(()),
            Some(method) => Err(Error::NotAllowed {
                window: window.to_owned(),
                method: method.chars().take(100).collect(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(list: &AllowList, window: &str, methods: &[&str], granted: &[&str]) -> bool {
        let members: Vec<_> =
            methods.iter().map(|method| serde_json::json!({ "method": method })).collect();
        let message = Outgoing::parse(serde_json::json!(members).to_string()).unwrap();
        list.check(window, &message, granted).is_ok()
    }

    #[test]
    fn without_a_list_all_is_allowed_but_what_must_be_named() {
        let list = AllowList::default();
        assert!(allowed(&list, "main", &["ping", "stream_ai_provider", "not_invented_yet"], &[]));
        for method in NAMED_ALONE {
            assert!(!allowed(&list, "main", &[method], &[]), "{method}");
            assert!(allowed(&list, "main", &[method], &[method]), "{method}");
        }
    }

    #[test]
    fn a_list_of_its_own_replaces_that_of_the_star() {
        let mut list = AllowList::default();
        list.set("*", ["ping"]);
        list.set("keys", ["set_api_key"]);
        assert!(allowed(&list, "main", &["ping"], &[]));
        assert!(!allowed(&list, "main", &["list_models"], &[]));
        assert!(allowed(&list, "keys", &["set_api_key"], &[]));
        assert!(!allowed(&list, "keys", &["ping"], &[]));
        list.set("none", [""; 0]);
        assert!(!allowed(&list, "none", &["ping"], &[]));
    }

    #[test]
    fn one_method_that_is_not_allowed_refuses_the_whole_batch() {
        let list = AllowList::default();
        assert!(!allowed(&list, "main", &["ping", "set_api_key", "ping"], &[]));
    }
}
