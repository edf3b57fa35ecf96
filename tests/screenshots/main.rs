//! Takes the pictures of `README.md` from the demo's data in a headless Chromium, light and dark.

#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use postwarden::access::Role;
use serde_json::json;
use support::{Database, PASSWORD, Panel};
use thirtyfour::prelude::*;

/// Size of the pictures, in CSS pixels, which are the pictures' own.
const WIDTH: u32 = 1280;
const HEIGHT: u32 = 860;

/// Pages and the files they go to, by colour scheme.
const PICTURES: &[(&str, &str, &str)] = &[
    ("aliases", "light", "aliases.png"),
    ("aliases", "dark", "aliases-dark.png"),
];

#[tokio::test]
#[ignore = "writes docs/screenshots; run `make screenshots`"]
async fn the_pictures_show_the_demo() {
    let database = Database::fresh().await;
    database
        .store()
        .await
        .load_examples()
        .await
        .expect("the examples");
    let panel = Panel::on(database).await;
    panel.account("operator", Role::Operator, &[]).await;

    let chromedriver = ChromeDriver::start();
    let mut options = DesiredCapabilities::chrome();
    // Chromium's sandbox does not run as root, and /dev/shm is small in containers; the only page is our own.
    for argument in [
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ] {
        options.add_arg(argument).expect("an argument");
    }
    let browser = WebDriver::new(chromedriver.address.as_str(), options)
        .await
        .expect("a browser");
    // Quits the browser also where taking the pictures fails.
    browser
        .run_and_quit(async |browser| take(&browser, &panel).await)
        .await
        .expect("the pictures");
}

/// Signs in and takes every picture.
async fn take(browser: &WebDriver, panel: &Panel) -> WebDriverResult<()> {
    let page = |path: &str| format!("{}{path}", panel.base);
    browser
        .cdp()
        .send_raw(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false }),
        )
        .await?;
    browser.goto(page("login")).await?;
    browser
        .find(By::Name("username"))
        .await?
        .send_keys("operator")
        .await?;
    browser
        .find(By::Name("password"))
        .await?
        .send_keys(PASSWORD)
        .await?;
    browser.find(By::Css("form button")).await?.click().await?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/screenshots");
    std::fs::create_dir_all(&folder)?;
    for (path, scheme, file) in PICTURES {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser
            .cdp()
            .send_raw("Emulation.setEmulatedMedia", media)
            .await?;
        browser.goto(page(path)).await?;
        browser.find(By::Css("table tbody tr")).await?;
        browser.screenshot(&folder.join(file)).await?;
    }
    Ok(())
}

/// A chromedriver on a port of its own choice, ended with the test.
struct ChromeDriver {
    process: Child,
    address: String,
}

impl ChromeDriver {
    fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver, which scripts/setup test installs");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                Some(
                    line.split_once("started successfully on port ")?
                        .1
                        .trim_end_matches('.')
                        .to_owned(),
                )
            })
            .expect("its port");
        // Whatever it says later must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            address: format!("http://127.0.0.1:{port}"),
        }
    }
}

impl Drop for ChromeDriver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
