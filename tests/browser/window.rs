//! A window of Chromium and what a person does with it.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use thirtyfour::common::capabilities::desiredcapabilities::Capabilities;
use thirtyfour::{By, Key, WebDriver, WebElement, WindowHandle};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::chromium::chromium;
use crate::support::{PASSWORD, Panel};
use postwarden::access::Role;

/// Windows open at a time: more would only wait for one another.
static TURNS: Semaphore = Semaphore::const_new(2);

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(15);

const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
];

/// A window with a profile of its own.
#[derive(Debug)]
pub struct Window {
    driver: Option<WebDriver>,
    base: String,
    _profile: TempDir,
    _turn: SemaphorePermit<'static>,
}

impl Drop for Window {
    fn drop(&mut self) {
        // A failed test does not wait for its window: it goes with the suite.
        if let Some(driver) = self.driver.take() {
            let _ = driver.leak();
        }
    }
}

impl Window {
    /// An empty window.
    pub async fn open(panel: &Panel) -> Self {
        Self::open_with(panel, json!({})).await
    }

    /// An empty window with these preferences of Chromium.
    pub async fn open_with(panel: &Panel, preferences: Value) -> Self {
        let turn = TURNS.acquire().await.expect("never closed");
        let chromium = chromium();
        let profile = tempfile::tempdir_in(&chromium.dir).expect("a profile");
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let mut wanted = Capabilities::new();
        let options = json!({"binary": chromium.program, "args": flags, "prefs": preferences});
        wanted.set("goog:chromeOptions", options).expect("an option");
        wanted
            .set("goog:loggingPrefs", json!({"browser": "ALL"}))
            .expect("an option");
        let driver = WebDriver::new(chromium.driver.as_str(), wanted)
            .await
            .expect("Chromium starts");
        Self {
            driver: Some(driver),
            base: panel.base.clone(),
            _profile: profile,
            _turn: turn,
        }
    }

    /// An empty window with scripts switched off.
    pub async fn without_scripts(panel: &Panel) -> Self {
        let preferences = json!({"profile.managed_default_content_settings.javascript": 2});
        let window = Self::open_with(panel, preferences).await;
        // Proof that they are off: this page would say otherwise.
        let page = "data:text/html,<title>off</title><script>document.title = 'on'</script>";
        window.driver().goto(page).await.expect("a page");
        assert_eq!(window.driver().title().await.expect("a title"), "off");
        window
    }

    /// A window in which an operator has just signed in.
    pub async fn signed_in(panel: &Panel) -> Self {
        let window = Self::open(panel).await;
        window.sign_in(panel).await;
        window
    }

    /// Makes an operator's account and signs in with it.
    pub async fn sign_in(&self, panel: &Panel) {
        panel.account("operator", Role::Operator, &[]).await;
        self.visit("").await;
        self.fill("username", "operator").await;
        self.fill("password", PASSWORD).await;
        self.press("Sign in").await;
        assert_eq!(self.path().await, "/");
    }

    /// The driver's session.
    pub fn driver(&self) -> &WebDriver {
        self.driver.as_ref().expect("a window that is open")
    }

    /// Closes the window.
    pub async fn close(mut self) {
        if let Some(driver) = self.driver.take() {
            driver.quit().await.expect("closed");
        }
    }

    /// Opens a page given without its leading slash.
    pub async fn visit(&self, path: &str) {
        self.driver()
            .goto(format!("{}{path}", self.base))
            .await
            .expect("a page");
    }

    /// Path and query of the page.
    pub async fn path(&self) -> String {
        let url = self.driver().current_url().await.expect("an address");
        let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
        format!("{}{query}", url.path())
    }

    /// The first element of a selector.
    pub async fn element(&self, selector: &str) -> WebElement {
        if let Ok(element) = self.driver().find(By::Css(selector)).await {
            return element;
        }
        panic!(
            "no {selector} on {}: {}",
            self.path().await,
            self.text("body").await
        )
    }

    /// Whether there is an element of a selector.
    pub async fn has(&self, selector: &str) -> bool {
        !self
            .driver()
            .find_all(By::Css(selector))
            .await
            .expect("a page")
            .is_empty()
    }

    /// The visible text of the first element of a selector; empty where there is none.
    pub async fn text(&self, selector: &str) -> String {
        match self.driver().find(By::Css(selector)).await {
            Ok(element) => element.text().await.expect("text"),
            Err(_) => String::new(),
        }
    }

    /// What stands in a field.
    pub async fn value(&self, name: &str) -> String {
        let field = self
            .element(&format!("main [name={name}]:not([type=hidden])"))
            .await;
        field.prop("value").await.expect("a field").unwrap_or_default()
    }

    /// Types into a field, or chooses from it.
    pub async fn fill(&self, name: &str, value: &str) {
        let field = self
            .element(&format!("main [name={name}]:not([type=hidden])"))
            .await;
        if field.tag_name().await.expect("an element") == "select" {
            let option = self
                .element(&format!("select[name={name}] option[value='{value}']"))
                .await;
            option.click().await.expect("chosen");
            return;
        }
        field.clear().await.expect("cleared");
        field.send_keys(value).await.expect("typed");
    }

    /// Presses the visible button or link with these words and waits for the next page.
    pub async fn press(&self, words: &str) {
        let element = self.visible(words).await;
        self.leads_on(element.click()).await;
    }

    /// Presses the first element of a selector and waits for the next page.
    pub async fn press_first(&self, selector: &str) {
        let element = self.element(selector).await;
        self.leads_on(element.click()).await;
    }

    /// Presses the visible button, link or summary with these words, which acts on this page.
    pub async fn use_here(&self, words: &str) {
        let element = self.visible(words).await;
        element.click().await.expect("pressed");
    }

    /// Opens the menu of a row and presses what has these words in it.
    pub async fn press_in_menu(&self, subject: &str, words: &str) {
        self.use_here(&format!("More for {subject}")).await;
        self.press(&format!("{words} {subject}")).await;
    }

    /// Presses the first element of a selector, which acts on this page.
    pub async fn click(&self, selector: &str) {
        self.element(selector).await.click().await.expect(selector);
    }

    /// The visible button, link or summary with these words.
    async fn visible(&self, words: &str) -> WebElement {
        let here = format!("[normalize-space()=\"{words}\"]");
        // A page is laid out anew some time after its window has got another width.
        for _ in 0..20 {
            let found = self
                .driver()
                .find_all(By::XPath(format!("//button{here} | //a{here} | //summary{here}")))
                .await
                .expect("a page");
            for element in found {
                if element.is_displayed().await.expect("an element") {
                    return element;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!(
            "no `{words}` on {}: {}",
            self.path().await,
            self.text("body").await
        );
    }

    /// Presses a key and waits for the next page.
    pub async fn press_key(&self, key: Key) {
        self.leads_on(self.key(key)).await;
    }

    /// Presses a key wherever the focus is.
    pub async fn key(&self, key: Key) -> thirtyfour::error::WebDriverResult<()> {
        self.driver().action_chain().send_keys(key).perform().await
    }

    /// Presses a letter while another key is held.
    pub async fn chord(&self, held: Key, letter: char) {
        let chain = self.driver().action_chain().key_down(held.clone());
        let chain = chain.key_down(letter).key_up(letter).key_up(held);
        chain.perform().await.expect("pressed");
    }

    /// Presses a key that acts on this page, wherever the focus is.
    pub async fn press_key_here(&self, key: Key) {
        self.key(key).await.expect("pressed");
    }

    /// Waits until an element has this text, as after what a script does in a moment.
    pub async fn comes_to(&self, selector: &str, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.text(selector).await != text {
            let now = self.text(selector).await;
            assert!(Instant::now() < deadline, "{selector} says `{now}`, not `{text}`");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Types wherever the focus is.
    pub async fn type_keys(&self, keys: &str) {
        let typing = self.driver().action_chain().send_keys(keys);
        typing.perform().await.expect("typed");
    }

    /// Types wherever the focus is and waits for the next page.
    pub async fn type_onward(&self, keys: &str) {
        self.leads_on(self.driver().action_chain().send_keys(keys).perform())
            .await;
    }

    /// Does something and waits until another page is there. It works without scripts: elements of another page have
    /// other names in the driver.
    async fn leads_on(&self, doing: impl Future<Output = thirtyfour::error::WebDriverResult<()>>) {
        let before = self.element("html").await.element_id();
        doing.await.expect("done");
        let deadline = Instant::now() + PATIENCE;
        loop {
            // While the page changes there may be none.
            if let Ok(page) = self.driver().find(By::Css("html")).await
                && page.element_id() != before
            {
                return;
            }
            assert!(Instant::now() < deadline, "still on {}", self.path().await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Goes back by the browser's button.
    pub async fn back(&self) {
        self.driver().back().await.expect("a page before");
    }

    /// Opens a further tab and goes there; gives the tab that was shown.
    pub async fn new_tab(&self) -> WindowHandle {
        let before = self.driver().window().await.expect("a tab");
        let tab = self.driver().new_tab().await.expect("a tab");
        self.driver().switch_to_window(tab).await.expect("a tab");
        before
    }

    /// Shows another tab; gives the one that was shown.
    pub async fn show(&self, tab: WindowHandle) -> WindowHandle {
        let before = self.driver().window().await.expect("a tab");
        self.driver().switch_to_window(tab).await.expect("a tab");
        before
    }

    /// What a script on the page returns.
    pub async fn script<T: DeserializeOwned>(&self, script: &str) -> T {
        let answer = self.driver().execute(script, vec![]).await.expect(script);
        answer.convert().expect(script)
    }

    /// Sends a form from the page that is shown, faster than typing.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) {
        let script = "const form = document.createElement('form'); form.method = 'post'; form.action = arguments[0]; \
                      for (const [name, value] of arguments[1]) { const field = document.createElement('textarea'); \
                      field.name = name; field.value = value; form.append(field); } \
                      document.body.append(form); form.submit();";
        let arguments = vec![json!(format!("{}{path}", self.base)), json!(fields)];
        let sending = async { self.driver().execute(script, arguments).await.map(drop) };
        self.leads_on(sending).await;
    }

    /// A command to Chromium's own protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) {
        self.driver()
            .cdp()
            .send_raw(command, parameters)
            .await
            .expect(command);
    }

    /// Makes the page as wide as a phone's, with a finger instead of a mouse; 0 makes it a desk again.
    pub async fn be_phone(&self, width: u32) {
        let phone = width > 0;
        if phone {
            let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": true});
            self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        } else {
            self.devtools("Emulation.clearDeviceMetricsOverride", json!({}))
                .await;
        }
        self.devtools("Emulation.setTouchEmulationEnabled", json!({"enabled": phone}))
            .await;
    }

    /// Prefers `light` or `dark`, and that nothing moves: what fades in would be looked at half-way.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }
}
