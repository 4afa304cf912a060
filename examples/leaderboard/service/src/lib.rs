//! A leaderboard for matches that run elsewhere: scores in, the top ten out.

pub mod board;
pub mod http;
