//! Single facts about the language, each checked by itself.
