//! Rules about packets beside connections: errors, addresses, fragments, loops, floods.
