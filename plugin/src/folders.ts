/** Where precopy's daemons keep what is theirs; the environment moves them, for tests. */
import { join } from 'node:path';

/** Pid files. */
export function runFolder(): string {
  return process.env['PRECOPY_RUN_FOLDER'] ?? '/run/precopy';
}

/** The configuration, where no other is named. */
export function defaultConfigFile(): string {
  return join(process.env['PRECOPY_CONFIG_FOLDER'] ?? '/etc/precopy', 'config.yaml');
}

/** Logs, and the journals of migrations that a controller followed. */
export function logFolder(): string {
  return process.env['PRECOPY_LOG_FOLDER'] ?? '/var/log/precopy';
}
