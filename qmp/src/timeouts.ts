/**
 * How long a reply may take before we stop waiting for it.
 *
 * QEMU answers most commands in microseconds, but every in-band command waits for the main loop: while
 * a migration saves its last state, the loop is blocked for the whole blackout. So the ordinary limit
 * is not small, and commands that do I/O, or set up or tear down devices, get more.
 */
const ORDINARY_MS = 60_000;
const SLOW_MS = 600_000;

/** Commands that flush, copy, pin guest memory or reset hardware before they answer. */
const SLOW = [
  /^(x-)?blockdev-/,
  /^block[-_]/,
  /^drive[-_]/,
  /^change-backing-file$/,
  /^nbd-server-/,
  /^snapshot-|^blockdev-snapshot/,
  // VFIO: opening a device maps and pins all guest memory.
  /^device_(add|del)$/,
  /^object-(add|del)$/,
  /^(cont|stop|quit|transaction|human-monitor-command)$/,
  /^migrate/,
  /^(dump-guest-memory|memsave|pmemsave|screendump)$/,
  /^(xen-save-devices-state|xen-load-devices-state)$/,
  // The guest agent: frozen file systems and programs run in the guest.
  /^guest-(fsfreeze|fstrim|exec|suspend|file)/,
];

/** The default limit of a command's reply, in milliseconds. */
export function defaultTimeoutMs(command: string): number {
  return SLOW.some((pattern) => pattern.test(command)) ? SLOW_MS : ORDINARY_MS;
}
