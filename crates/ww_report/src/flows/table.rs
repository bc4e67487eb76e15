//! The aligned table.

use super::{Losses, State, retransmissions};
use crate::words::bytes;
use ww_base::Span;
use ww_evidence::TcpFlow;

/// A column: its heading, and whether its values stand at the right.
struct Column {
    heading: &'static str,
    right: bool,
}

const fn left(heading: &'static str) -> Column {
    Column {
        heading,
        right: false,
    }
}

const fn right(heading: &'static str) -> Column {
    Column {
        heading,
        right: true,
    }
}

const COLUMNS: [Column; 11] = [
    right("stream"),
    left("client → server"),
    left("state"),
    right("duration"),
    right("sent"),
    right("received"),
    right("rtt"),
    right("retrans"),
    right("exchanges"),
    right("lost"),
    left("mostly to"),
];

type Row = [String; COLUMNS.len()];

/// The table of these connections, with a heading.
pub(super) fn of(flows: &[Box<TcpFlow>]) -> String {
    let mut rows = vec![COLUMNS.map(|column| column.heading.to_owned())];
    rows.extend(flows.iter().map(|flow| row(flow)));
    let mut widths = [0; COLUMNS.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn row(flow: &TcpFlow) -> Row {
    let nothing = || "-".to_owned();
    let state = State::of(flow).word();
    let losses = Losses::of(flow);
    [
        flow.stream.to_string(),
        format!("{} → {}", flow.client, flow.server),
        if flow.from_start() {
            state.to_owned()
        } else {
            format!("{state}, start unseen")
        },
        flow.duration().to_string(),
        bytes(flow.sent_by_client.bytes),
        bytes(flow.sent_by_server.bytes),
        flow.rtt.map_or_else(nothing, |rtt| rtt.to_string()),
        retransmissions(flow).to_string(),
        flow.exchanges.answered.to_string(),
        match losses.total() {
            Span::ZERO => nothing(),
            lost => lost.to_string(),
        },
        losses.main().map_or_else(nothing, str::to_owned),
    ]
}

fn line(row: &Row, widths: &[usize; COLUMNS.len()]) -> String {
    let mut line = String::new();
    for ((cell, &width), column) in row.iter().zip(widths).zip(&COLUMNS) {
        if !line.is_empty() {
            line.push_str("  ");
        }
        let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
        let parts = if column.right {
            [padding.as_str(), cell]
        } else {
            [cell.as_str(), &padding]
        };
        line.extend(parts);
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}
