/** Reads the configuration; what is wrong is said with the line it stands on. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Document, LineCounter as Lines } from 'yaml';
import type { z } from 'zod';
import { PrecopyError, messageOf } from '../errors.js';
import { defaultConfigFile } from '../folders.js';
import type { DomainSetting } from '../libvirt/domain-xml.js';
import { configSchema, domainSections, type Config } from './schema.js';

// Not imported, for the hook's sake: see libvirt/domain-xml.ts.
const { isMap, isScalar, LineCounter, parseDocument } = createRequire(import.meta.url)(
  'yaml',
) as typeof import('yaml');

/** Aliases are expanded at most so often: a file of nested ones grows exponentially. */
const mostAliases = 100;

/**
 * @param file undefined: `/etc/precopy/config.yaml`, or the defaults where there is none
 * @throws PrecopyError USAGE if the file can't be read or is not valid
 */
export function loadConfig(file?: string): Config {
  const path = file ?? defaultConfigFile();
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (isMissing && file === undefined) return configSchema.parse({});
    throw new PrecopyError(
      'USAGE',
      `The configuration ${path} can't be read: ${messageOf(cause)}.`,
      'docs/configuration.md has an example.',
      { cause },
    );
  }
  return parseConfig(text, path);
}

/** @throws PrecopyError USAGE that names each line which is not valid */
export function parseConfig(text: string, path: string): Config {
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
    content = document.toJS({ maxAliasCount: mostAliases });
  } catch (error) {
    throw invalid(path, [messageOf(error)]);
  }
  const result = configSchema.safeParse(content ?? {});
  if (result.success) return result.data;
  throw invalid(
    path,
    result.error.issues.flatMap((issue) => describe(issue, document, lines)),
  );
}

function describe(issue: z.core.$ZodIssue, document: Document, lines: Lines): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const name = [...issue.path, key].join('.');
      return `line ${lineOf([...issue.path, key], document, lines)}: there is no setting ${name}`;
    });
  }
  const name = issue.path.length === 0 ? 'the file' : issue.path.join('.');
  return [`line ${lineOf(issue.path, document, lines)}: ${name}: ${issue.message}`];
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

/**
 * The configuration for one domain: that of the file, with what its metadata sets instead.
 *
 * @returns also what is wrong with the metadata; such settings are left as the file has them, because
 *   whoever may define domains must not be able to end precopy for this one
 */
export function configFor(
  config: Config,
  settings: readonly DomainSetting[],
): { config: Config; problems: string[] } {
  const problems: string[] = [];
  const merged: Record<string, unknown> = { ...config };
  for (const { section, name, value, line } of settings) {
    const where = `line ${line} of the domain's XML: ${section} ${name}`;
    const schema: z.ZodObject | undefined = Object.hasOwn(domainSections, section)
      ? domainSections[section as keyof typeof domainSections]
      : undefined;
    const field: z.ZodType | undefined =
      schema && Object.hasOwn(schema.shape, name) ? (schema.shape[name] as z.ZodType) : undefined;
    if (field === undefined) {
      problems.push(`${where}: there is no such setting for a domain`);
      continue;
    }
    const result = field.safeParse(value);
    if (result.success) merged[section] = { ...(merged[section] as object), [name]: result.data };
    else problems.push(`${where}: ${result.error.issues.map(({ message }) => message).join(', ')}`);
  }
  // Each field was checked by the schema that the configuration is made of.
  return { config: merged as Config, problems };
}
