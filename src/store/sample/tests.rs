//! The sample against what Postfix makes of it.

use std::collections::{HashMap, HashSet};

use super::words::MISTAKES;
use super::{Content, Sample};
use crate::mail::{Destinations, DomainName};
use crate::resource::{Resource, Rules};

/// The tables without the mistakes, by name.
fn sound() -> HashMap<&'static str, Content> {
    let mut tables = Sample::tables();
    for (table, wrong) in MISTAKES {
        let rows = tables.iter_mut().find(|rows| rows.table == *table).expect(table);
        let before = rows.rows.len();
        rows.rows.retain(|row| row != wrong);
        assert_eq!(rows.rows.len(), before - 1, "{wrong:?}");
    }
    tables.into_iter().map(|rows| (rows.table, rows)).collect()
}

/// The first column of the rows that are on.
fn keys(rows: &Content) -> HashSet<&str> {
    let on = rows
        .rows
        .iter()
        .filter(|row| row.last().is_some_and(|on| on == "1"));
    on.map(|row| row[0].as_str()).collect()
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, domain)| domain)
}

#[test]
fn the_sample_is_the_same_every_time() {
    assert_eq!(Sample::tables(), Sample::tables());
}

#[test]
fn there_is_enough_of_everything() {
    let tables = sound();
    for (table, least, most) in [
        ("domains", 55, 75),
        ("aliases", 1_100, 1_400),
        ("users", 850, 950),
        ("backups", 12, 12),
        ("relays", 280, 340),
        ("relocated", 70, 100),
        ("access_rules", 55, 70),
    ] {
        let rows = &tables[table].rows;
        let off = rows
            .iter()
            .filter(|row| row.last().is_some_and(|on| on == "0"))
            .count();
        assert!((least..=most).contains(&rows.len()), "{table}: {}", rows.len());
        assert!(off > 0, "{table}: none is off");
    }
    let sizes = || tables["aliases"].rows.iter().map(|row| row[1].split(',').count());
    let lists = sizes().filter(|size| *size > 1).count();
    assert!((40..=60).contains(&lists), "{lists} lists");
    assert_eq!(sizes().max(), Some(400));
}

#[test]
fn the_panel_finds_the_mistakes_and_nothing_else() {
    let rules = Rules::default();
    let tables = sound();
    let wrong = |table: &str, row: &[String]| {
        let resource = Resource::by_table(table).expect(table);
        let columns = tables[table].columns;
        let defaults = resource
            .columns
            .iter()
            .filter(|column| !columns.contains(&column.name))
            .map(|column| (column.name, column.default.to_owned()));
        let given = columns.iter().copied().zip(row.iter().cloned());
        let fields = given.chain(defaults).collect();
        match resource.check(&rules, fields) {
            Ok(draft) => !draft.normalised.is_empty() || draft.cautions.iter().any(|caution| caution.confirm),
            Err(_) => true,
        }
    };
    let edited = |table: &str| Resource::by_table(table).is_some();
    for (table, rows) in tables.iter().filter(|(table, _)| edited(table)) {
        for row in &rows.rows {
            assert!(!wrong(table, row), "{table}: {row:?}");
        }
    }
    for (table, row) in MISTAKES.iter().filter(|(table, _)| edited(table)) {
        let row: Vec<String> = row.iter().map(|&text| text.to_owned()).collect();
        // These two are right by themselves: an override without its alias, and a stored password everybody knows.
        let by_itself = !row[0].starts_with("frank.visser@") && !row[0].starts_with("scanner@");
        assert!(wrong(table, &row) || !by_itself, "{table}: {row:?}");
    }
}

#[test]
fn no_key_is_there_twice() {
    for rows in Sample::tables() {
        let width = if rows.table == "access_rules" { 2 } else { 1 };
        let mut seen = HashSet::new();
        for row in &rows.rows {
            // The collation of the tables compares without case.
            assert!(
                seen.insert(row[..width].concat().to_lowercase()),
                "{}: {row:?}",
                rows.table
            );
        }
    }
}

#[test]
fn every_mailbox_has_a_folder_of_its_own_in_a_domain_that_is_hosted() {
    let tables = sound();
    let domains = keys(&tables["domains"]);
    for row in &tables["users"].rows {
        let (local, domain) = row[0].split_once('@').expect("an address");
        assert!(domains.contains(domain), "{row:?}");
        assert_eq!(row[2], format!("{domain}/{local}/"));
    }
}

#[test]
fn every_address_of_a_hosted_domain_that_mail_is_sent_on_to_exists() {
    let tables = sound();
    let (domains, aliases) = (keys(&tables["domains"]), keys(&tables["aliases"]));
    let users = keys(&tables["users"]);
    for row in tables["aliases"].rows.iter().filter(|row| row[2] == "1") {
        assert!(domains.contains(domain_of(&row[0])), "not hosted: {row:?}");
        for target in row[1]
            .split(',')
            .filter(|target| domains.contains(domain_of(target)))
        {
            let known = users.contains(target)
                || (*target != row[0] && aliases.contains(target))
                || domains.contains(target);
            assert!(known, "{row:?}: {target}");
        }
    }
}

/// How many addresses an alias comes to in the end, by way of others.
fn expanded<'a>(aliases: &HashMap<&'a str, &'a str>, address: &'a str, above: &[&str]) -> usize {
    assert!(!above.contains(&address), "a circle: {above:?} {address}");
    let above = [above, &[address]].concat();
    match aliases.get(address) {
        Some(&to) if to != address => to.split(',').map(|next| expanded(aliases, next, &above)).sum(),
        _ => 1,
    }
}

#[test]
fn no_alias_goes_in_a_circle_or_beyond_a_thousand_addresses() {
    let tables = sound();
    let aliases: HashMap<&str, &str> = tables["aliases"]
        .rows
        .iter()
        .map(|row| (row[0].as_str(), row[1].as_str()))
        .collect();
    for address in aliases.keys() {
        let count = expanded(&aliases, address, &[]);
        assert!(count <= 1_000, "{address}: {count}");
    }
}

#[test]
fn nobody_has_moved_whose_mail_another_row_takes() {
    let tables = sound();
    let (aliases, users) = (keys(&tables["aliases"]), keys(&tables["users"]));
    for row in &tables["relocated"].rows {
        let wide = format!("@{}", domain_of(&row[0]));
        for key in [&row[0], &wide] {
            assert!(
                !aliases.contains(key.as_str()) && !users.contains(key.as_str()),
                "{row:?}"
            );
        }
    }
}

#[test]
fn the_names_are_reserved_ones() {
    let tables = Sample::tables();
    for rows in tables.iter().filter(|rows| rows.table == "aliases") {
        for row in &rows.rows {
            let list = Destinations::parse(&row[1]).map_or_else(|_| Vec::new(), |list| list.items().to_vec());
            let names = list.iter().map(|item| item.domain().as_str().to_owned());
            for name in names.chain([domain_of(&row[0]).to_owned()]) {
                let name = DomainName::parse(&name).expect("a domain").to_string();
                let top = name.rsplit('.').next();
                assert!(matches!(top, Some("example" | "test")), "{row:?}");
            }
        }
    }
}
