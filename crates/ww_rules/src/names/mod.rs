//! Rules on how names are looked up, as files configure it.

pub(crate) mod jvm_caches_names_forever;
pub(crate) mod jvm_name_cache_setting_ignored;
pub(crate) mod name_looked_up_rarely;
pub(crate) mod name_resolved_once;
pub(crate) mod name_without_resolver;
pub(crate) mod resolver_outlasts_request;
pub(crate) mod resolver_servers_ignored;
pub(crate) mod search_list_multiplies_queries;
pub(crate) mod single_name_server;

mod jvm;
mod moving;
mod resolvers;
