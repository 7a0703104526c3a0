//! Every bound in the system, with its unit and its reason.

use std::num::NonZeroU32;

/// Bytes of the compact JSON of a document or an item (Sync: 16 KiB).
pub const DATA_BYTES_MAX: usize = 16 * 1024;
/// Bytes of the compact JSON of a message of a stream (Sync: 4 KiB).
pub const MESSAGE_DATA_BYTES_MAX: usize = 4 * 1024;
/// Nesting of JSON data; deeper is refused while parsing, so no parser recurses far.
pub const DATA_DEPTH_MAX: usize = 32;
/// JSON values in one object of data: bounds the heap that a small body can claim.
pub const DATA_NODES_MAX: usize = 2_000;
/// Integers beyond this lose digits in JavaScript; refused where a policy reads them.
pub const SAFE_INTEGER_MAX: i64 = (1 << 53) - 1;

/// Characters of a unique name and of a map key (Sync: 320).
pub const NAME_CHARS_MAX: usize = 320;
/// Characters of an identity (Sync: 256).
pub const IDENTITY_CHARS_MAX: usize = 256;
/// Characters of a service's friendly name (Sync: 255).
pub const FRIENDLY_NAME_CHARS_MAX: usize = 255;
/// Characters of a webhook URL (Sync: 512).
pub const WEBHOOK_URL_CHARS_MAX: usize = 512;
/// Seconds of a time to live: one year (Sync).
pub const TTL_SECONDS_MAX: u32 = 31_536_000;

/// Rows of a page (Sync: asked for more, it gives 100).
pub const PAGE_ROWS_MAX: usize = 100;
/// Bytes of a page, from its second row on: bounds what one small request can ask for. The next token goes on.
pub const PAGE_BYTES_MAX: usize = 128 * 1024;
/// Bytes of a row of a page beside its data: names, dates and links.
pub const PAGE_ROW_BYTES: usize = 512;
/// Rows of a page when the caller names no size (Sync).
pub const PAGE_ROWS_DEFAULT: usize = 50;
/// The largest page size that may be asked for; it is clamped, not refused (Sync).
pub const PAGE_SIZE_ASKED_MAX: usize = 1_000;

/// Bytes of an access token: above, nobody's token is that long.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Seconds that an access token may live (Sync: 24 hours).
pub const TOKEN_TTL_SECONDS_MAX: u64 = 24 * 3600;
/// Seconds by which clocks may differ when a token is judged.
pub const TOKEN_LEEWAY_SECONDS: u64 = 30;
/// Bytes of the claims in `grants.airlock`.
pub const CLAIMS_BYTES_MAX: usize = 4 * 1024;

/// Bytes of a REST body that are read; form encoding inflates data up to four times.
pub const BODY_BYTES_MAX: usize = 128 * 1024;
/// Bytes of an oversized body that are still read and dropped, so that the client gets an answer.
pub const BODY_DRAIN_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one socket message: data, header and token fit, and [`SUBSCRIPTION_BATCH_MAX`] entries of 128 bytes.
pub const FRAME_BYTES_MAX: usize = 128 * 1024 + 16 * 1024;
/// Bytes of the header of one socket message.
pub const FRAME_HEADER_BYTES_MAX: usize = 16 * 1024;

/// Seconds from accept, and from the first byte of each head, until the head must be complete.
pub const HEAD_SECONDS_MAX: u64 = 5;
/// Bytes of one socket message before `init` was accepted: a token of [`TOKEN_BYTES_MAX`], and what the SDK says of
/// itself beside it: 564 bytes in version 4. With the fixed state of a connection, about 5 KiB, a peer that has not
/// authenticated holds less than 16 KiB.
pub const INIT_FRAME_BYTES_MAX: usize = TOKEN_BYTES_MAX + 1024;
/// Bytes read at once from a socket before `init` was accepted: what is left of them is kept.
pub const INIT_READ_BYTES: usize = 2 * 1024;
/// Bytes waiting in an outbox above which nothing more is read before `init` was accepted: a few refusals.
pub const INIT_OUTBOX_BYTES_PAUSE: usize = 1024;
/// Seconds an idle keep-alive connection stays open (Sync clients expect 60 or more).
pub const KEEP_ALIVE_SECONDS: u64 = 75;
/// Seconds from the upgrade until `init` must have been answered.
pub const INIT_SECONDS_MAX: u64 = 10;
/// Seconds between the server's pings; a peer silent for two of them is gone.
pub const PING_SECONDS: u64 = 30;
/// Seconds without a word after which a stream of server-sent events gets a comment, so that proxies keep it open.
pub const HEARTBEAT_SECONDS: u64 = 15;
/// Milliseconds after which a client comes back when its stream of server-sent events has ended, at the least.
pub const STREAM_RETRY_MS: u64 = 2_000;
/// Milliseconds over which those who were sent away together come back.
pub const STREAM_RETRY_SPREAD_MS: u64 = 2_000;
/// Objects of one stream of server-sent events: what one request may claim of the hub.
pub const STREAM_OBJECTS_MAX: usize = 100;
/// Seconds for which a browser remembers a preflight answer (Chrome: two hours at the most).
pub const PREFLIGHT_SECONDS: u64 = 7_200;
/// Connections in all, unless a flag says otherwise.
pub const CONNECTIONS_MAX: usize = 16_000;
/// Connections of one address, unless a flag says otherwise.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 4_096;
/// The part of all connections that is kept for addresses with few of them: one in so many. Else four addresses that
/// hold [`CONNECTIONS_PER_ADDRESS_MAX`] each would leave no place for an honest request.
pub const CONNECTIONS_RESERVED_SHARE: usize = 8;
/// Connections that an address may have when only the reserved ones are left.
pub const CONNECTIONS_FEW: usize = 8;
/// Seconds that a connection on which nobody has authenticated may be idle while half of all places are taken.
pub const ANONYMOUS_IDLE_SECONDS: u64 = 3;
/// Descriptors that are not for connections: the store, the log, webhooks ([`HOOKS_FLYING_MAX`]), listeners.
pub const DESCRIPTORS_RESERVED: u64 = 512;
/// Bytes after which a socket that speaks HTTP counts as full, so that the rate at which an answer is read shows
/// before megabytes of it are in the system's buffers.
pub const UNSENT_BYTES_MAX: u32 = 64 * 1024;
/// Bytes per second at which an answer over HTTP must be read while bytes of it wait.
pub const ANSWER_BYTES_PER_SECOND_MIN: u64 = 16 * 1024;
/// Seconds over which that rate is measured.
pub const ANSWER_RATE_SECONDS: u64 = 10;
/// Bytes of a PROXY protocol header: addresses and what a load balancer adds (AWS, Azure: below 100 bytes).
pub const PROXY_HEADER_BYTES_MAX: usize = 1024;
/// Connects per second of one address (of IPv6: of one /64), unless a flag says otherwise: an office behind one
/// address comes back at once after a restart, a flood is closed before it costs more than the accept.
pub const CONNECTS_PER_SECOND: u32 = 200;
/// Seconds' worth of connects that one address may make at once.
pub const CONNECTS_BURST_SECONDS: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Addresses whose connects are counted at a time; those of further ones are closed until one of these is idle
/// again, which takes milliseconds.
pub const CONNECT_KEYS_MAX: usize = 65_536;
/// Addresses of which it is remembered that they were logged; of others only a sum is.
pub const LOGGED_ADDRESSES_MAX: usize = 1_024;
/// Seconds that a shutdown waits for connections to end.
pub const DRAIN_SECONDS_MAX: u64 = 5;

/// Requests in flight on one socket; the next is not read until one is answered.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 64;
/// Requests per second of one socket, unless a flag says otherwise; the next are not read until there is room. A
/// lively game sends some dozens, so only a flood meets it. Acknowledgements are not counted.
pub const REQUESTS_PER_SECOND: u32 = 2_000;
/// Seconds' worth of requests that one socket may send at once: a client that comes back asks for all it has.
pub const REQUESTS_BURST_SECONDS: NonZeroU32 = NonZeroU32::new(2).unwrap();
/// Requests per second over HTTP of one connection on which nobody has authenticated: probes, preflights, mistakes.
pub const ANONYMOUS_REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// Such requests that a connection may send at once. Few, since who reconnects has as many again.
pub const ANONYMOUS_REQUESTS_BURST: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// Bytes per second of one socket: bounds what a peer costs before anything of it is parsed.
pub const SOCKET_BYTES_PER_SECOND: NonZeroU32 = NonZeroU32::new(8 * 1024 * 1024).unwrap();
/// Bytes that one socket may send at once.
pub const SOCKET_BYTES_BURST: NonZeroU32 = NonZeroU32::new(16 * 1024 * 1024).unwrap();
/// Subscriptions of one connection (Sync: 2,000, code 54419).
pub const SUBSCRIPTIONS_MAX: usize = 2_000;
/// Subscriptions of one identity in one service over all its connections: ten full connections, or 10,000 viewers under
/// one identity with two subscriptions each. About 6 MiB of listeners.
pub const SUBSCRIPTIONS_PER_IDENTITY_MAX: usize = 10 * SUBSCRIPTIONS_MAX;
/// Entries of one subscription request: the Kotlin client sends so many before it has heard `max_batch_size`.
pub const SUBSCRIPTION_BATCH_MAX: usize = 1_000;
/// Entries of a subscription request that are served before other work has its turn, and registered under one hold of the
/// order lock: about 30 µs. It is the `max_batch_size` that clients are told.
pub const SUBSCRIPTION_SLICE: usize = 100;
/// Entries of subscription requests that may wait on one connection; while a whole request's worth does, no further
/// request is read.
pub const SUBSCRIPTIONS_WAITING_MAX: usize = 2 * SUBSCRIPTION_BATCH_MAX;
/// Times that one slice of subscriptions takes the order lock, when its objects change again and again meanwhile.
pub const SUBSCRIBE_ROUNDS_MAX: u32 = 4;
/// Events that one replay may make under the order lock, in the last of these rounds; beyond, the client asks again.
pub const REPLAY_LOCKED_EVENTS_MAX: usize = 16;
/// Events of one piece of replay; more come as further pieces (`interrupted`).
pub const REPLAY_EVENTS_MAX: usize = 200;
/// Bytes of data of one piece of replay: half of what an outbox holds.
pub const REPLAY_BYTES_MAX: usize = 96 * 1024;
/// Messages waiting for one socket before it is cut as too slow.
pub const OUTBOX_MESSAGES_MAX: usize = 1_000;
/// Bytes waiting for one socket before it is cut as too slow.
pub const OUTBOX_BYTES_MAX: usize = 256 * 1024;
/// Seconds that a socket may leave its outbox unread before it is cut.
pub const OUTBOX_SECONDS_MAX: u64 = 10;
/// Tombstones of one object: who was away longer opens it again.
pub const TOMBSTONES_MAX: usize = 10_000;
/// Tombstones of one object that one removal forgets because of their number or age.
pub const TOMBSTONES_PRUNED_MAX: usize = 16;
/// Seconds that a tombstone is kept.
pub const TOMBSTONE_SECONDS_MAX: i64 = 24 * 3600;

/// Webhooks of one service that wait to be sent; beyond, the oldest are given up.
pub const HOOKS_PENDING_MAX: usize = 10_000;
/// Bytes of the webhooks of one service that wait: the state holds them in memory, and each checkpoint writes them.
pub const HOOKS_PENDING_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Webhooks of messages, which nobody keeps, that wait to be lined up; beyond, the oldest are dropped.
pub const HOOKS_PASSING_MAX: usize = 10_000;
/// Webhooks of messages of one service that are lined up; beyond, the newest are dropped.
pub const HOOKS_PASSING_PER_SERVICE_MAX: usize = 1_000;
/// Webhooks of one service on their way at one time: of different objects, since one object keeps its order.
pub const HOOKS_PER_SERVICE_MAX: usize = 16;
/// The same while its receiver fails: it is asked, and takes no places from others.
pub const HOOKS_FAILING_MAX: usize = 2;
/// Webhooks on their way in all: one socket each.
pub const HOOKS_FLYING_MAX: usize = 256;
/// Times that a webhook is tried before it is given up.
pub const HOOK_ATTEMPTS_MAX: u32 = 5;
/// Milliseconds from the first attempt to the second; each later pause is four times as long (2, 8, 32, 128 s), give or take a quarter.
pub const HOOK_PAUSE_MS: u64 = 2_000;
/// Seconds of one attempt, from looking up the name to the end of the answer.
pub const HOOK_SECONDS_MAX: u64 = 5;
/// Seconds of one attempt to connect to one address: a name may have another that answers.
pub const HOOK_CONNECT_SECONDS_MAX: u64 = 2;
/// Addresses of one name that are tried.
pub const HOOK_ADDRESSES_MAX: usize = 4;
/// Bytes of an answer to a webhook that are read and dropped, so that its connection can be used again.
pub const HOOK_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Seconds that an idle connection to a receiver is kept.
pub const HOOK_IDLE_SECONDS: u64 = 15;
/// Milliseconds that sent webhooks are gathered before they are marked in one batch.
pub const HOOKS_SETTLE_MS: u64 = 200;
/// Seconds in which the cause of failed attempts of one service is told as a warning once.
pub const HOOK_WARNING_SECONDS: u64 = 60;
/// Webhooks marked by one batch.
pub const HOOKS_SETTLED_MAX: usize = 1_024;
/// Seconds that a shutdown waits for webhooks on their way, and again for their marks.
pub const HOOKS_STOP_SECONDS_MAX: u64 = 1;

/// Batches waiting for the writer from one identity.
pub const WRITES_PER_IDENTITY_MAX: usize = 256;
/// Batches waiting for the writer in all.
pub const WRITES_WAITING_MAX: usize = 16_384;
/// Batches of one group: bounds the time to the next sync.
pub const GROUP_BATCHES_MAX: usize = 1_024;
/// Groups committed and not yet fanned out; beyond, the writer waits.
pub const GROUPS_AHEAD_MAX: usize = 8;
/// Times that an attempt is decided again at the head of its lane, because others changed what its rules had read.
pub const PASSAGES_MAX: u32 = 8;
/// Batches of the log after which a checkpoint is written.
pub const CHECKPOINT_BATCHES: u64 = 100_000;
/// Bytes of the log after which a checkpoint is written.
pub const CHECKPOINT_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of the batches of one group: bounds what one sync has to write. A group holds one batch beyond it at most.
pub const GROUP_BYTES_MAX: usize = 256 * 1024;
/// Log files of one store: each start begins one. With more of them a checkpoint is written, and they are removed.
pub const LOG_FILES_MAX: usize = 16;
/// Bytes that SQLite's side file of a log file takes before they are moved into the log file: 1,000 of its pages.
pub const LOG_SIDE_FILE_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of a checkpoint that are written between two syncs of it: more would have the log's next sync wait for them.
pub const CHECKPOINT_SYNC_BYTES: usize = 1024 * 1024;
/// Seconds until removed data is in no file of the store: the shortest that a flag may ask for. A checkpoint is begun
/// after half of them, and the other half is for writing it.
pub const ERASE_WITHIN_SECONDS_MIN: u64 = 10;
/// The longest such time: a year.
pub const ERASE_WITHIN_SECONDS_MAX: u64 = 366 * 24 * 3600;
/// Event ids for each millisecond since 1970: where a service goes on when its store continues from a copy. It grows with
/// the time of the restore and not with the copy, so that a copy may be restored twice. No service has as many events,
/// and they stay below the largest integer of JavaScript until the year 2248.
pub const RESTORED_EVENTS_PER_MS: u64 = 1 << 10;
/// Event ids that a service skips instead when it is beyond that, which a clock that is behind may bring about.
pub const RESTORED_EVENTS_GAP: u64 = 1 << 32;
/// Times that a backup begins again when the server removes files that it was about to read.
pub const BACKUP_ATTEMPTS_MAX: u32 = 5;
/// Seconds that a busy store file is waited for (decision 9).
pub const STORE_BUSY_SECONDS: u64 = 5;
/// What one batch of the sweep may cost: an expired object or item is 1, and so is each place at which it is shown.
/// Others wait for the writer no longer than one such batch takes.
pub const SWEEP_MAX: usize = 256;
/// Bytes of a fold's document that cost 1 more in a batch of the sweep: all of it is rendered for each share that goes.
pub const SWEEP_FOLD_BYTES: usize = 512;
/// Withdrawals of disconnected identities that are handed to the writer before the first is waited for: a sync for
/// each would take minutes when all leave at once.
pub const WITHDRAWALS_MAX: usize = 64;
/// Milliseconds between the relay's clock and the wall clock above which nothing expires (docs/adr/0019): ordinary
/// clocks differ by less, and time that is wrong by more removes what has a time to live.
pub const CLOCK_STEP_MS: i64 = 5 * 60_000;
/// Milliseconds for which the clocks must agree until expiry goes on.
pub const CLOCK_AGREE_MS: i64 = 60_000;
/// The relay's clock follows the wall clock by one part in so many of the time that passes: it never stands still.
pub const CLOCK_SLEW_DIVISOR: i64 = 20;
/// Milliseconds between two comparisons of the clocks that count for this: a stopped process does not jump.
pub const CLOCK_LOOK_MS_MAX: i64 = 2_000;
/// Seconds after its last event at which a shared object with nothing in it is forgotten (decision 18).
pub const SHARED_EMPTY_SECONDS: i64 = 24 * 3600;
/// Objects that one round of the sweep looks at for empty ones: ten million are through in 40 minutes.
pub const EMPTY_LOOKS_MAX: usize = 4_096;
/// Seconds that an identity may have no socket before it counts as gone (decision 27).
pub const PRESENCE_SECONDS: u64 = 30;
/// Seconds after a start in which whoever was here may come back (decision 27).
pub const PRESENCE_GRACE_SECONDS: u64 = 120;
/// Seconds without a look at who has left after which the process counts as stopped: nobody could come back in
/// that time, so whoever has left gets the whole of [`PRESENCE_SECONDS`] again.
pub const PRESENCE_PAUSE_SECONDS: u64 = 5;
/// Idempotency keys remembered for each service (decision 7).
pub const REMEMBERED_MAX: usize = 65_536;
/// Idempotency keys of messages, of which nothing is kept, remembered until the process ends.
pub const MESSAGES_REMEMBERED_MAX: usize = 65_536;
/// Bytes of an idempotency key.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;

/// Objects outside any policy of one identity, unless a flag says otherwise (decision 12).
pub const PLAIN_OBJECTS_MAX: u32 = 10_000;
/// Bytes outside any policy of one identity, unless a flag says otherwise (decision 12).
pub const PLAIN_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of one identity under one policy (decision 12).
pub const PRIVATE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Private objects of one identity under one policy, unless the policy says otherwise.
pub const PRIVATE_OBJECTS_MAX: u32 = 64;
/// Items of one map, unless a policy bounds it lower.
pub const MAP_ITEMS_MAX: usize = 100_000;
/// Items of one list, unless a policy bounds it lower (Sync: 1,000,000).
pub const LIST_ITEMS_MAX: usize = 1_000_000;
/// Items that a shared list or map may hold, unless its policy says otherwise.
pub const SHARED_ITEMS_DEFAULT: u32 = 10_000;
/// Items that one document may have in the lists to which it appends, unless they stay when it is withdrawn: one write
/// takes them all back, within a millisecond.
pub const SOURCE_ITEMS_MAX: usize = 128;
/// Oldest items of a full list that one write drops: a bound that a policy has lowered is reached over several writes.
pub const OLDEST_DROPPED_MAX: usize = 32;
/// Expired contributions of one place that one write forgets.
pub const EXPIRED_PURGED_MAX: usize = 16;
/// Sources that forget a place that is gone; of more none does, and each passes over it when it publishes again.
pub const UNFED_MAX: usize = 64;
/// Shares that one batch puts back into a fold, at a start.
pub const SHARES_RESTORED_MAX: usize = 256;
/// Identities with a grant on one object.
pub const GRANTS_MAX: usize = 10_000;
/// Services of one account.
pub const SERVICES_MAX: usize = 1_000;

/// Policies of one folder.
pub const POLICIES_MAX: usize = 500;
/// Bytes of one policy file, of one schema, of one file of cases.
pub const POLICY_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of all policies and schemas of one folder together: they are in memory at one time.
pub const POLICY_SET_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Targets of one policy.
pub const TARGETS_MAX: usize = 16;
/// Limits of one policy.
pub const RATES_MAX: usize = 16;
/// Lookups of a policy: each is one look into the view for each write.
pub const LOOKUPS_MAX: usize = 8;
/// Conditions of a policy: each is evaluated for each write.
pub const RULES_MAX: usize = 32;
/// Fields of one fold.
pub const FOLD_FIELDS_MAX: usize = 16;
/// Bytes of the document of a fold that counts or sums: each write sends it to all who listen, as it would a message.
pub const FOLD_BYTES_MAX: usize = MESSAGE_DATA_BYTES_MAX;
/// Entries of a `top` in a fold.
pub const FOLD_TOP_MAX: u32 = 1_000;
/// Digits of a sum in a fold, with sign and point: an `i128` in billionths.
pub const FOLD_DIGITS_MAX: usize = 42;
/// Words and patterns of one mask: each is looked for in each text.
pub const MASK_ENTRIES_MAX: usize = 500;
/// Masks of one policy, of [`PATTERN_BYTES_MAX`] each when compiled, and as much again for its parts.
pub const MASKS_MAX: usize = 32;
/// Words and patterns of all masks of one policy: each has a cache of its own, of [`PATTERN_CACHE_BYTES_MAX`].
pub const MASKS_ENTRIES_MAX: usize = 2_000;
/// Times that a mask looks through one text: at what was written, and at what that left, since what is covered may make
/// a whole word of what stands beside it. If the last look still finds something, all of the text is covered.
pub const MASK_LOOKS_MAX: usize = 3;
/// Nanoseconds to normalize one byte of a masked text, to mark what is covered, and to write it.
pub const MASK_BYTE_NS: u64 = 40;
/// Nanoseconds to look for all words of a mask at one byte.
pub const MASK_WORD_BYTE_NS: u64 = 8;
/// Nanoseconds for each word that may end at one byte.
pub const MASK_WORD_FOUND_NS: u64 = 8;
/// Nanoseconds to begin a search with a regular expression.
pub const SEARCH_CALL_NS: u64 = 100;
/// Nanoseconds of a search for each byte, by the lazy automaton.
pub const SEARCH_BYTE_NS: u64 = 6;
/// Nanoseconds of a search for each byte, where there is no automaton; beside [`SEARCH_POSITION_NS`].
pub const SEARCH_SLOW_BYTE_NS: u64 = 60;
/// The same for each position of the pattern.
pub const SEARCH_POSITION_NS: u64 = 12;
/// Nanoseconds for each match that a search finds.
pub const SEARCH_FOUND_NS: u64 = 60;
/// Bytes of the automaton of a pattern, taken for ASCII, for which a search counts as quick.
pub const SEARCH_AUTOMATON_BYTES_MAX: usize = 64 * 1024;
/// Bytes of the text that a condition tells the refused.
pub const RULE_MESSAGE_BYTES_MAX: usize = 256;
/// Faults shown of one folder.
pub const FAULTS_MAX: usize = 100;
/// Bytes of a word for which the one that was meant is sought: what is longer is no slip of ours.
pub const MEANT_BYTES_MAX: usize = 64;
/// Bytes of the text of a fault, and of its help: who writes a key of 200 KB need not read it again.
pub const FAULT_BYTES_MAX: usize = 512;
/// Violations of a schema that a refusal lists.
pub const VIOLATIONS_MAX: usize = 8;
/// Bytes of a refusal's message, its tail included (decision 23).
pub const MESSAGE_BYTES_MAX: usize = 512;
/// Keys of all limiters together, about 100 bytes each: beyond, a new one is refused like the limit itself until
/// a bucket is full again and forgotten (decision 24).
pub const RATE_KEYS_MAX: usize = 1_000_000;
/// Keys of one limit that one identity may have opened with what its names captured (decision 24): nobody can use
/// up [`RATE_KEYS_MAX`] alone.
pub const RATE_KEYS_PER_IDENTITY_MAX: usize = 256;
/// SIDs of shared objects that are kept so that they need not be made again, at most 1.5 KiB each with their names;
/// beyond, all are forgotten and made anew.
pub const DERIVED_SIDS_MAX: usize = 4_096;
/// Buckets that are looked at, to forget the full ones, while the lock on all of them is held: about 0.3 ms. As many
/// as one identity has, so that its waits are exact.
pub const RATE_SWEEP_SLICE: usize = RATE_KEYS_PER_IDENTITY_MAX;
/// Seconds of Sync's hosted rates that may be spent at once (sync-rest, 14).
pub const HOSTED_BURST_SECONDS: u32 = 10;
/// Objects of which Sync's hosted rates are kept at one time; beyond, new ones are refused like fast ones.
pub const HOSTED_KEYS_MAX: usize = 1_000_000;
/// Characters of a policy's name: it stands in logs, refusals and file paths.
pub const POLICY_NAME_CHARS_MAX: usize = 64;
/// Entries of a folder of policies that are looked at, and of one policy's folder.
pub const FOLDER_ENTRIES_MAX: usize = 2_000;
/// Objects of one identity that `objects_max` may allow.
pub const PRIVATE_OBJECTS_ALLOWED_MAX: u32 = 10_000;
/// Events per unit of time, and burst, that a limit may allow: one per microsecond.
pub const RATE_EVENTS_MAX: u32 = 1_000_000;
/// Names in `services` of one policy.
pub const POLICY_SERVICES_MAX: usize = 100;
/// Steps of a JSON pointer that a policy names.
pub const POINTER_STEPS_MAX: usize = 16;
/// Entries of `take`, `rename`, `default` and `set` of one target, each.
pub const REWRITES_MAX: usize = 100;
/// Bytes of a compiled regular expression of a schema: bounds what `{1000}{1000}` can claim.
pub const PATTERN_BYTES_MAX: usize = 512 * 1024;
/// Bytes of all compiled regular expressions of one schema: the more it has, the less may each.
pub const SCHEMA_PATTERNS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Patterns in all expressions of one policy, of [`PATTERN_BYTES_MAX`] each.
pub const EXPRESSION_PATTERNS_MAX: usize = 64;
/// Holes of one template: each may be filled with a name.
pub const TEMPLATE_HOLES_MAX: usize = 64;
/// Bytes of the cache of one regular expression's lazy automaton.
pub const PATTERN_CACHE_BYTES_MAX: usize = 512 * 1024;
/// Times that a schema may look at one value: with [`DATA_NODES_MAX`] it bounds a check to tens of milliseconds.
pub const SCHEMA_COST_MAX: u64 = 200;
/// Schemas that may lie within one another while the deepest data is checked: bounds the stack.
pub const SCHEMA_WAY_MAX: u64 = 512;
/// Looks (schema cost times values) up to which all violations are collected; beyond, only the first.
pub const VIOLATION_LOOKS_MAX: u64 = 20_000;
/// Bytes of the pointer and of the message of one violation, each.
pub const VIOLATION_BYTES_MAX: usize = 256;
/// Bytes of one expression of a policy: the parser's time and memory are not linear in it.
pub const EXPRESSION_BYTES_MAX: usize = 4 * 1024;
/// Parts of one expression: names, steps, literals, operators, calls.
pub const EXPRESSION_NODES_MAX: usize = 256;
/// Levels of one expression: bounds the stack of its evaluation.
pub const EXPRESSION_DEPTH_MAX: usize = 32;
/// Comprehensions in one another; each multiplies the cost of the next.
pub const COMPREHENSION_DEPTH_MAX: usize = 2;
/// Arguments of `min` and `max`.
pub const EXPRESSION_ARGUMENTS_MAX: usize = 8;
/// Nanoseconds that the policy of one write may take: its expressions, masks, schemas and copies together, as the schema's
/// bounds allow them (docs/adr/0017). No connection waits longer for another's evaluation.
pub const WRITE_COST_NS_MAX: u64 = 1_000_000;
/// Nanoseconds of one step of an expression (`cargo bench --bench write_cost`).
pub const EXPRESSION_STEP_NS: u64 = 50;
/// Nanoseconds to begin an evaluation.
pub const EXPRESSION_NS: u64 = 2_000;
/// Steps of one evaluation, as the schema's bounds allow them: beyond, it is no longer asked what else a write costs.
pub const EXPRESSION_COST_MAX: u64 = 200_000;
/// Nanoseconds to copy one value of the data for a target, and to write it as text.
pub const COPY_VALUE_NS: u64 = 80;
/// Nanoseconds to copy and to write 16 bytes of the data's texts.
pub const COPY_BYTES_NS: u64 = 50;
/// Nanoseconds of one target beside its data: name, SID, publication.
pub const TARGET_NS: u64 = 2_000;
/// Nanoseconds of one schema at one value, without its keywords.
pub const SCHEMA_LOOK_NS: u64 = 10;
/// Nanoseconds of one keyword of a schema at one value.
pub const SCHEMA_KEYWORD_NS: u64 = 10;
/// Nanoseconds of one entry of `enum`, `required` or `properties`, at one value.
pub const SCHEMA_ENTRY_NS: u64 = 10;
/// Nanoseconds for each value below `uniqueItems`: it is hashed, or compared with a few others.
pub const SCHEMA_UNIQUE_NS: u64 = 150;
/// Nanoseconds of a `format`, beside its bytes.
pub const SCHEMA_FORMAT_NS: u64 = 200;
/// Nanoseconds of a `format` for each byte.
pub const SCHEMA_FORMAT_BYTE_NS: u64 = 20;
/// Values that an expression reads at one place of the claims, or of a lookup without a schema: more is not read, and the
/// write is refused. With a schema it is as much as that allows.
pub const UNTYPED_VALUES_MAX: u64 = 256;
/// Bytes of texts that it reads there: as many as claims may have.
pub const UNTYPED_BYTES_MAX: u64 = CLAIMS_BYTES_MAX as u64;
/// Steps of a part that reads nothing and is tried at load: what may take more is left to the evaluation.
pub const EXPRESSION_TRIED_STEPS_MAX: u64 = 1_000;
/// Shapes that one expression knows of its schema; of what lies deeper nothing is known.
pub const EXPRESSION_SHAPES_MAX: usize = 2_000;
/// Schemas that hold for one value by reference or `allOf`, as far as expressions look at them.
pub const SCHEMA_PARTS_MAX: usize = 16;
/// Bytes of stack on which an expression is parsed: the parser recurses, up to a depth of its own.
pub const EXPRESSION_STACK_BYTES: usize = 16 * 1024 * 1024;
/// Cases of one file.
pub const CASES_MAX: usize = 1_000;
/// Times that a case may repeat its write, to meet a limit.
pub const CASE_TIMES_MAX: u32 = 10_000;
/// Writes of all cases of one file, what is given and repetitions included: some seconds.
pub const CASE_WRITES_MAX: u64 = 100_000;
/// Writes of one case.
pub const CASE_STEPS_MAX: usize = 100;

/// Bytes of an API key's secret at the least: what HMAC-SHA-256 needs (RFC 7518, section 3.2).
pub const KEY_SECRET_BYTES_MIN: usize = 32;
/// API keys that are valid at one time.
pub const KEYS_MAX: usize = 64;
/// Bytes of a page token: a key of 320 characters of four bytes, encoded.
pub const PAGE_TOKEN_BYTES_MAX: usize = 2_048;

/// Query parameters of one tunnelled request; the SDK sends at most six.
pub const REQUEST_PARAMS_MAX: usize = 64;
/// Bytes read from a socket at once, into a buffer that all connections of a thread share.
pub const READ_BYTES: usize = 16 * 1024;
/// Buffers handed to the kernel in one vectored write.
pub const WRITE_SLICES_MAX: usize = 64;
/// Bytes waiting in an outbox above which no further request of that connection is begun.
pub const OUTBOX_BYTES_PAUSE: usize = OUTBOX_BYTES_MAX / 4;
/// Seconds before a token's end at which its client is told (Sync: three minutes).
pub const TOKEN_NOTICE_SECONDS: u64 = 180;
/// Milliseconds that the accept loop rests when the process is out of file descriptors.
pub const ACCEPT_PAUSE_MS: u64 = 50;
/// Bytes of the head of an HTTP request.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Header fields of an HTTP request.
pub const HEADERS_MAX: usize = 64;
/// Seconds from a request's head until its answer must have begun: a body that trickles in, a write that waits.
pub const REQUEST_SECONDS_MAX: u64 = 30;
/// Connections of the operators' listener, in all.
pub const ADMIN_CONNECTIONS_MAX: usize = 256;
/// Seconds that a body may take to arrive whole.
pub const BODY_SECONDS_MAX: u64 = 30;
/// Bytes of one value in the tail of a refusal's message; the pointer may have twice as many.
pub const TAIL_VALUE_BYTES_MAX: usize = 80;
/// Lines of the log that wait to be written, half a kilobyte each as a rule; more are dropped and counted, since
/// nobody may wait for who reads them.
pub const LOG_LINES_MAX: usize = 16_384;
/// Bytes per second of log that are written, unless a flag says otherwise: 5.5 GB a day at the worst.
pub const LOG_BYTES_PER_SECOND: u32 = 64 * 1024;
/// Seconds' worth of log that may be written at once.
pub const LOG_BURST_SECONDS: NonZeroU32 = NonZeroU32::new(60).unwrap();
/// The part of the log's bytes that is kept for warnings and errors: one in so many.
pub const LOG_RESERVED_SHARE: u32 = 4;
/// Refusals of one caller by one rule that are lines of the log in one minute; the rest are counted.
pub const REFUSAL_LINES_PER_MINUTE: u32 = 10;
/// Callers and rules whose refusals are counted in one minute, about 200 bytes each; of further ones only a sum is.
pub const REFUSAL_KEYS_MAX: usize = 4_096;
/// Rules whose refusals are counted of one caller in one minute: nobody can use up [`REFUSAL_KEYS_MAX`] alone.
pub const REFUSAL_KEYS_PER_CALLER_MAX: usize = 64;
/// Bytes of a request's method, and of its path, that the log shows.
pub const LOG_TEXT_BYTES_MAX: usize = 512;
