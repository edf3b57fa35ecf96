//! What the page of a report is made of.

use crate::resource::Resource;
use crate::web::view::RowView;

/// A part of a report: rows of a table as lists show them, or lines of its own.
#[derive(Debug, Default)]
pub struct Section {
    /// Its heading; empty where the report has one section alone.
    pub title: String,
    /// How many rows it has.
    pub total: String,
    /// What is to be known about it, in sentences.
    pub notes: Vec<String>,
    /// Rows of a table.
    pub rows: Option<(&'static Resource, Vec<RowView>)>,
    /// Headings of the lines' cells.
    pub headings: Vec<&'static str>,
    /// Lines of the report's own.
    pub lines: Vec<Line>,
    /// Lines that say nothing is the matter, folded.
    pub folded: Vec<Line>,
    /// What the folded lines have in common, after `5 more: `.
    pub fold: &'static str,
    /// Where there is more: label and address.
    pub links: Vec<(String, String)>,
    /// The pages before and after.
    pub pages: Pages,
}

impl Section {
    /// Whether it has nothing to show, not even a page to go on to.
    pub fn is_empty(&self) -> bool {
        let none = self.rows.as_ref().is_none_or(|(_, rows)| rows.is_empty());
        none && self.lines.is_empty() && self.folded.is_empty() && self.pages.next.is_none()
    }
}

/// Links to other pages of a section.
#[derive(Debug, Default)]
pub struct Pages {
    /// Its beginning, where this page is not.
    pub first: Option<String>,
    /// What follows.
    pub next: Option<String>,
}

/// One line of a report's own.
#[derive(Debug)]
pub struct Line {
    /// The cells, the first as the line's heading.
    pub cells: Vec<Cell>,
    /// Whether what it says holds now; else it is greyed.
    pub is_live: bool,
}

/// A cell of such a line.
#[derive(Debug, Default)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// Where it leads.
    pub link: Option<String>,
    /// Whether it is an address, a domain or anything else from the tables.
    pub mono: bool,
    /// A word behind it.
    pub tag: Option<&'static str>,
}

impl Cell {
    /// Something from the tables, with a link.
    pub fn link(text: String, link: String) -> Self {
        Self {
            text,
            link: Some(link),
            mono: true,
            tag: None,
        }
    }

    /// Something from the tables.
    pub fn stored(text: String) -> Self {
        Self {
            text,
            mono: true,
            ..Self::default()
        }
    }

    /// Words for people.
    pub fn words(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// With a word behind it, where there is one.
    pub fn tagged(mut self, tag: Option<&'static str>) -> Self {
        self.tag = tag;
        self
    }
}
