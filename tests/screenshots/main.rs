//! Takes the pictures of `README.md` from the demo's data in a headless Chromium: a desk in the light scheme, one page of
//! it in the dark one too, and a phone.

#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use postwarden::access::{Actor, Role};
use postwarden::postfix::Severity;
use postwarden::verification;
use serde_json::json;
use support::postfix::ConfigDir;
use support::{Database, PASSWORD, Panel};
use thirtyfour::prelude::*;

/// A picture: what is shown, and how.
struct Picture {
    file: &'static str,
    /// The page; `{}` is the row's key.
    page: &'static str,
    /// Where that key comes from.
    key: &'static str,
    /// CSS selectors of what is clicked first.
    clicks: &'static [&'static str],
    scheme: &'static str,
    window: Size,
}

/// Width and height in CSS pixels, which are the picture's own at a desk, and pixels of the picture for each.
type Size = (u32, u32, u32);

const DESK: Size = (1280, 720, 1);
const PHONE: Size = (360, 720, 2);

/// The largest a picture may be, in bytes: whoever opens README loads all of them.
const LARGEST: u64 = 145_000;

const LIST_WITH_SELECTION: Picture = Picture {
    file: "aliases.png",
    page: "aliases?q=vivita",
    key: "",
    clicks: &[
        "tbody tr:nth-child(2) .pick input",
        "tbody tr:nth-child(3) .pick input",
        "tbody tr:nth-child(4) .pick input",
    ],
    scheme: "light",
    window: DESK,
};

const HUB: Picture = Picture {
    file: "domain.png",
    page: "domains/{}",
    key: "SELECT pkid FROM domains WHERE domain = 'bloggs.com'",
    clicks: &[],
    ..LIST_WITH_SELECTION
};

const PICTURES: &[Picture] = &[
    LIST_WITH_SELECTION,
    Picture {
        file: "aliases-dark.png",
        scheme: "dark",
        ..LIST_WITH_SELECTION
    },
    Picture {
        file: "dashboard.png",
        page: "",
        clicks: &[],
        ..LIST_WITH_SELECTION
    },
    HUB,
    Picture {
        file: "list.png",
        page: "lists/{}",
        key: "SELECT pkid FROM aliases WHERE mail = 'all@northwind-cycles.example'",
        clicks: &["#members summary", "#members tr:last-child [name=remove]"],
        ..LIST_WITH_SELECTION
    },
    Picture {
        file: "override.png",
        page: "overrides/joe@bloggs.com",
        clicks: &[],
        ..LIST_WITH_SELECTION
    },
    Picture {
        file: "mailbox.png",
        page: "users/vivita@blobber.org",
        clicks: &[],
        ..LIST_WITH_SELECTION
    },
    Picture {
        file: "explain.png",
        page: "explain?address=all%40northwind-cycles.example",
        clicks: &[],
        ..LIST_WITH_SELECTION
    },
    Picture {
        file: "phone.png",
        scheme: "dark",
        window: PHONE,
        ..HUB
    },
];

/// The page of a server that has drifted.
const DRIFT: Picture = Picture {
    file: "postfix.png",
    page: "postfix",
    key: "",
    clicks: &[],
    window: (1280, 515, 1),
    ..LIST_WITH_SELECTION
};

/// Tells the panel of a Postfix on the generated configuration, with these changes: file, what was there, what is there now.
async fn tell(panel: &Panel, changes: &[(&str, &str, &str)]) {
    let config = ConfigDir::generated(&panel.database).await;
    for (file, from, to) in changes {
        config.change(file, from, to);
    }
    let mut verdict = verification::verify(&panel.store, &Actor::command_line(), config.path())
        .await
        .expect("a verdict");
    // That the files of a picture are open to everybody is its own affair.
    verdict.findings.retain(|f| f.severity < Severity::Notice);
    "/etc/postfix".clone_into(&mut verdict.config_dir);
    panel.store.record_verdict(&verdict).await.expect("recorded");
    // As long as the panel goes by what it knew.
    tokio::time::sleep(Duration::from_secs(2)).await;
}

#[tokio::test]
#[ignore = "writes docs/screenshots; run `make screenshots`"]
async fn the_pictures_show_the_demo() {
    let database = Database::fresh().await;
    database.store().await.load_demo().await.expect("the demo's data");
    let panel = Panel::on(database).await;
    panel.account("operator", Role::Operator, &[]).await;
    tell(&panel, &[]).await;

    let chromedriver = ChromeDriver::start();
    let mut options = DesiredCapabilities::chrome();
    // Chromium's sandbox does not run as root, and /dev/shm is small in containers; the only page is our own.
    for argument in [
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        // Grey edges of letters instead of coloured ones: the pictures are a third smaller.
        "--disable-lcd-text",
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
    for picture in PICTURES.iter().chain([&DRIFT]) {
        if picture.file == DRIFT.file {
            let drift = [
                ("mysql_relocated.cf", " AND enabled=1", ""),
                ("mysql_transport.cf", "FROM domains", "FROM backups"),
            ];
            tell(panel, &drift).await;
        }
        let file = folder.join(picture.file);
        show(browser, picture).await?;
        let key = match picture.key {
            "" => None,
            query => panel.database.value(query).await,
        };
        let path = picture.page.replace("{}", &key.unwrap_or_default());
        browser.goto(page(&path)).await?;
        for selector in picture.clicks {
            browser.find(By::Css(*selector)).await?.click().await?;
        }
        // Nothing has the focus, and the pointer is nowhere.
        browser.execute("document.activeElement.blur()", vec![]).await?;
        browser.action_chain().move_to(0, 0).perform().await?;
        assert!(
            browser.find(By::Css("h1")).await?.text().await? != "Nothing here",
            "{path}"
        );
        browser.screenshot(&file).await?;
        let size = std::fs::metadata(&file)?.len();
        assert!(size <= LARGEST, "{} has {size} bytes", picture.file);
    }
    Ok(())
}

/// Makes the browser a desk or a phone, in one of the schemes.
async fn show(browser: &WebDriver, picture: &Picture) -> WebDriverResult<()> {
    let (width, height, scale) = picture.window;
    let phone = picture.window == PHONE;
    for (command, parameters) in [
        (
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone}),
        ),
        ("Emulation.setTouchEmulationEnabled", json!({"enabled": phone})),
        (
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": picture.scheme}]}),
        ),
    ] {
        browser.cdp().send_raw(command, parameters).await?;
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
