/** Where precopy's daemons keep what is theirs; the environment moves them, for tests. */

/** Pid files. */
export function runFolder(): string {
  return process.env['PRECOPY_RUN_FOLDER'] ?? '/run/precopy';
}

/** Logs, and the journals of migrations that a controller followed. */
export function logFolder(): string {
  return process.env['PRECOPY_LOG_FOLDER'] ?? '/var/log/precopy';
}
