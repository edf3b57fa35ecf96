//! The howto's own configuration, to the letter, on the howto's own tables and rows: what the generated one is measured by.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddrV4;
use std::sync::LazyLock;

use postwarden::access::Role;

use crate::bed::{self, Bed, Client};
use crate::ground::{Site, sign_in};
use crate::support::{Database, Panel};

const MAIN_CF: &str = include_str!("../data/howto-postfix/main.cf");
const BLOCKING: &str = include_str!("../data/howto-postfix/blocking.cf");

macro_rules! maps {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../data/howto-postfix/", $name)))),*]
    };
}

const MAPS: &[(&str, &str)] = maps!(
    "mysql_alias.cf" "mysql_backups.cf" "mysql_block_recip.cf" "mysql_domains.cf" "mysql_gid.cf" "mysql_mailbox.cf"
    "mysql_relays.cf" "mysql_relocated.cf" "mysql_transport.cf" "mysql_uid.cf"
);

/// The port of a second smtpd(8), which goes by the chapter on blocked addresses as it is written.
pub const BLOCKING_PORT: u16 = 2507;
/// That of a third, for which the `\` at the ends of its lines are taken out.
pub const MENDED_BLOCKING_PORT: u16 = 2513;

/// Services of master.cf next to the bed's own.
const SERVICES: &str = "
ADDRESS:2507 inet n - n - - smtpd
  -o max_use=1
  -o smtpd_recipient_restrictions=$howto_blocking
ADDRESS:2513 inet n - n - - smtpd
  -o max_use=1
  -o smtpd_recipient_restrictions=$howto_blocking_mended
";

/// The account that the howto makes for Postfix, the panel and people alike.
#[derive(Debug)]
pub struct Mail {
    user: String,
    password: &'static str,
}

/// The howto's database, migrated, and its account.
pub async fn database() -> (Database, Mail) {
    let database = Database::howto().await;
    let user = format!("mail_{}", database.name);
    let password = "apassword";
    let rights = "SELECT,INSERT,UPDATE,DELETE,CREATE,DROP";
    let grant = format!(
        "GRANT {rights} ON {}.* TO '{user}'@'%' IDENTIFIED BY '{password}' WITH GRANT OPTION",
        database.name
    );
    database.script(&grant).await;
    (database, Mail { user, password })
}

/// Writes the howto's files, and answers with the lines of its main.cf.
pub fn literal(site: &bed::Site, account: &Mail) -> String {
    let mail = site.etc.with_file_name("mail");
    let filled = |text: &str| {
        text.replace("DB_USER", &account.user)
            .replace("DB_PASSWORD", account.password)
            .replace("DB_NAME", &site.database.name)
            .replace("DB_HOSTS", &format!("inet:127.0.0.1:{}", site.database_port))
            .replace("MAIL_DIRECTORY", &mail.display().to_string())
    };
    for (name, text) in MAPS {
        site.write(name, &filled(text));
    }
    // It knows no levels: what came with them has the values of before.
    format!("compatibility_level = 0\n{}", filled(MAIN_CF))
}

/// The same, with a server each for the chapter on blocked addresses as it is and without its `\`.
fn literal_with_blocking(site: &bed::Site, account: &Mail) -> String {
    add_services(site, SERVICES);
    let mended = BLOCKING.replace('\\', "");
    let mut lines = literal(site, account);
    for (name, chapter) in [
        ("howto_blocking", BLOCKING),
        ("howto_blocking_mended", mended.as_str()),
    ] {
        let renamed = chapter.replace("smtpd_recipient_restrictions", name);
        writeln!(lines, "{renamed}").expect("a line");
    }
    lines
}

/// Adds services to master.cf; `ADDRESS` is the bed's own.
pub fn add_services(site: &bed::Site, services: &str) {
    let path = site.etc.join("master.cf");
    let own = fs::read_to_string(&path).expect("master.cf");
    let address = own.lines().find_map(|line| line.split_once(":25 inet"));
    let (address, _) = address.expect("the address of smtpd");
    let services = services.replace("ADDRESS", address);
    fs::write(&path, own + &services).expect("master.cf");
}

/// The same somebody at another port.
pub fn at(client: Client, port: u16) -> Client {
    Client {
        server: SocketAddrV4::new(*client.server.ip(), port),
        ..client
    }
}

struct Ground {
    bed: Bed,
    panel: Panel,
    /// The servers live on it, whichever test comes first.
    _runtime: tokio::runtime::Runtime,
}

static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    let starting = std::thread::spawn(|| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (bed, panel) = runtime.block_on(async {
            let (database, account) = database().await;
            let panel = Panel::on(database.clone()).await;
            panel.account("operator", Role::Operator, &[]).await;
            let bed = Bed::start(database, |site| literal_with_blocking(site, &account)).await;
            (bed, panel)
        });
        Ground {
            bed,
            panel,
            _runtime: runtime,
        }
    });
    starting.join().expect("a bed")
});

/// A panel on the howto's database, and Postfix on the howto's configuration.
pub async fn howto() -> Site {
    Site {
        bed: &GROUND.bed,
        operator: sign_in(&GROUND.panel).await,
    }
}
