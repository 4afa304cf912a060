//! MicroVMs: the second thing that a native sim can run in, beside the cell. Each match has a
//! virtual machine of its own by KVM, with no kernel in it and no device: a sim runs as the user of
//! a machine that has nothing else, and all that it can do is compute and ring the doorbell.

mod code;
mod machine;
mod mapping;
mod paging;
mod probe;
mod system;
mod watch;
