/** The pieces of the QMP shell, for those who build one of their own. */
export { complete, help } from './complete.js';
export { parseLine, type TypedCommand } from './parse.js';
export { runShell, type ShellOptions } from './shell.js';
