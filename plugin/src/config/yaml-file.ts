/** A file of settings as YAML, whose mistakes are told with the line they stand on. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Document, LineCounter as Lines } from 'yaml';
import { PrecopyError, messageOf } from '../errors.js';
import { defaultConfigFile } from '../folders.js';

// Not imported, for the hook's sake: see libvirt/domain-xml.ts.
const { isMap, isScalar, LineCounter, parseDocument } = createRequire(import.meta.url)(
  'yaml',
) as typeof import('yaml');

/** Aliases are expanded at most so often: a file of nested ones grows exponentially. */
const mostAliases = 100;

/** What is wrong with a setting; `path` leads to it from the file's root. */
export interface SettingProblem {
  readonly path: readonly PropertyKey[];
  /** Begins with the setting's name. */
  readonly message: string;
}

export interface YamlFile {
  readonly content: unknown;
  /** The error for these problems. */
  readonly invalid: (problems: readonly SettingProblem[]) => PrecopyError;
}

/**
 * @param file undefined: the usual one, an empty file where there is none
 * @throws PrecopyError USAGE if the file can't be read
 */
export function readConfigText(file?: string): { text: string; path: string } {
  const path = file ?? defaultConfigFile();
  try {
    return { text: readFileSync(path, 'utf8'), path };
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (isMissing && file === undefined) return { text: '', path };
    throw new PrecopyError(
      'USAGE',
      `The configuration ${path} can't be read: ${messageOf(cause)}.`,
      'docs/configuration.md has an example.',
      { cause },
    );
  }
}

/** @throws PrecopyError USAGE if it is no YAML */
export function parseYaml(text: string, path: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) {
    throw invalid(
      path,
      syntax.map(({ pos, message }) => `line ${lines.linePos(pos[0]).line}: ${message}`),
    );
  }
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: mostAliases }) ?? {};
  } catch (error) {
    throw invalid(path, [messageOf(error)]);
  }
  return {
    content,
    invalid: (problems) =>
      invalid(
        path,
        problems.map(
          (problem) => `line ${lineOf(problem.path, document, lines)}: ${problem.message}`,
        ),
      ),
  };
}

/** The line of a setting's name; of the nearest one above it that is in the file. */
function lineOf(path: readonly PropertyKey[], document: Document, lines: Lines): number {
  for (let length = path.length; length > 0; length--) {
    const parent =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    if (!isMap(parent)) continue;
    const pair = parent.items.find(({ key }) => isScalar(key) && key.value === path[length - 1]);
    if (isScalar(pair?.key) && pair.key.range) return lines.linePos(pair.key.range[0]).line;
  }
  return 1;
}

function invalid(path: string, problems: readonly string[]): PrecopyError {
  return new PrecopyError(
    'USAGE',
    `The configuration ${path} is not valid: ${problems.join('; ')}.`,
    'docs/configuration.md lists the settings.',
  );
}
