//! Every route of the panel, known by name: axum's router cannot list what it holds, and a test that asks every page
//! who may see it must not forget one.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodRouter, get, post};

use super::App;

/// Routes with their handlers, in the order in which they were added. The only way to add one: `clippy.toml` denies
/// the router's own elsewhere.
#[derive(Debug, Default)]
pub struct Routes {
    router: Router<App>,
    listed: Vec<(Method, String)>,
}

impl Routes {
    /// Answers GET, and with it HEAD, which is not listed.
    pub fn get<H: Handler<T, App>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.add(Method::GET, path, get(handler))
    }

    /// Answers POST.
    pub fn post<H: Handler<T, App>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.add(Method::POST, path, post(handler))
    }

    /// Both.
    pub fn merge(mut self, other: Self) -> Self {
        self.listed.extend(other.listed);
        self.router = self.router.merge(other.router);
        self
    }

    /// Method and path of each, as in `POST /aliases/{key}`.
    pub fn listed(self) -> Vec<(Method, String)> {
        self.listed
    }

    /// What answers them.
    pub fn router(self) -> Router<App> {
        self.router
    }

    #[expect(clippy::disallowed_methods, reason = "what is added here is listed")]
    fn add(mut self, method: Method, path: &str, handler: MethodRouter<App>) -> Self {
        self.router = self.router.route(path, handler);
        self.listed.push((method, path.to_owned()));
        self
    }
}
