//! Databases and their poolers: PostgreSQL, MySQL and MariaDB, Redis, PgBouncer.

mod lines;
mod mysql;
mod pgbouncer;
mod postgres;
mod redis;
#[cfg(test)]
mod tests;

use crate::Text;
use crate::service::folder;
use lines::{Read, Written};
use ww_base::SourceSpan;
use ww_model::service::{Listener, Product, Program, Protocol, ServerSide};

pub(crate) use mysql::read as read_mysql;
pub(crate) use pgbouncer::read as read_pgbouncer;
pub(crate) use postgres::read as read_postgres;
pub(crate) use redis::read as read_redis;

/// The program that a file configures, named after its folder.
fn program(product: Product, text: &Text<'_>, at: SourceSpan) -> Program {
    let holder = folder(text.path).rsplit('/').next().unwrap_or_default();
    let is_plain = matches!(holder, "" | "conf" | "config" | "etc");
    let name = if is_plain {
        product.component.clone()
    } else {
        holder.to_owned()
    };
    Program::new(name, product, at, text.path)
}

/// The one place where a database accepts connections.
fn listener(
    read: &mut Read<'_, '_, '_>,
    port: &str,
    protocol: Protocol,
    side: ServerSide,
) -> Listener {
    let number = read.number(port);
    Listener {
        at: number.span().unwrap_or(read.at),
        port: number.value().and_then(|port| u16::try_from(*port).ok()),
        hosts: Vec::new(),
        protocol,
        side,
        tls: None,
        own_answers: Vec::new(),
    }
}

/// The bytes of all settings, from the first to the last; the beginning where there are none.
fn extent(text: &Text<'_>, settings: &[Written]) -> SourceSpan {
    let starts = settings.iter().map(|setting| setting.at.start);
    let ends = settings.iter().map(|setting| setting.at.end);
    SourceSpan {
        source: text.source,
        start: starts.min().unwrap_or(0),
        end: ends.max().unwrap_or(0),
    }
}
