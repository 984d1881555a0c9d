/**
 * Where a client stands. Commands are accepted in `ready` only.
 *
 *     idle ──► connecting ──► negotiating ──► ready ──► closed
 *                  ▲              │             │
 *                  └── reconnecting ◄───────────┘   with the option `reconnect` only
 *
 * From `negotiating` back to `connecting` once, where QEMU did not understand the first command.
 * Every state may go to `closed`: by close(), by a failure, or when the connection ends.
 */
export type ClientState =
  'idle' | 'connecting' | 'negotiating' | 'ready' | 'reconnecting' | 'closed';

const allowed: Readonly<Record<ClientState, readonly ClientState[]>> = {
  idle: ['connecting', 'closed'],
  connecting: ['negotiating', 'reconnecting', 'closed'],
  negotiating: ['connecting', 'ready', 'reconnecting', 'closed'],
  ready: ['reconnecting', 'closed'],
  reconnecting: ['connecting', 'closed'],
  closed: [],
};

/** The state to go to, if `from` allows it. @throws Error otherwise: a fault of this package */
export function transition(from: ClientState, to: ClientState): ClientState {
  if (!allowed[from].includes(to)) throw new Error(`No way from the state ${from} to ${to}.`);
  return to;
}
