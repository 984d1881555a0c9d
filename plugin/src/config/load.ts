/** Reads the configuration; what is wrong is said with the line it stands on. */
import type { z } from 'zod';
import type { DomainSetting } from '../libvirt/domain-xml.js';
import { configSchema, domainSections, type Config } from './schema.js';
import { parseYaml, readConfigText, type SettingProblem } from './yaml-file.js';

/**
 * @param file undefined: `/etc/precopy/config.yaml`, or the defaults where there is none
 * @throws PrecopyError USAGE if the file can't be read or is not valid
 */
export function loadConfig(file?: string): Config {
  const { text, path } = readConfigText(file);
  return parseConfig(text, path);
}

/** @throws PrecopyError USAGE that names each line which is not valid */
export function parseConfig(text: string, path: string): Config {
  const { content, invalid } = parseYaml(text, path);
  const result = configSchema.safeParse(content);
  if (result.success) return result.data;
  throw invalid(result.error.issues.flatMap(problemsOf));
}

function problemsOf(issue: z.core.$ZodIssue): SettingProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return { path, message: `there is no setting ${path.join('.')}` };
    });
  }
  // A section that is checked by hand names its settings itself.
  if (issue.code === 'custom' && issue.path[0] === 'hook') return [issue];
  const name = issue.path.length === 0 ? 'the file' : issue.path.join('.');
  return [{ path: issue.path, message: `${name}: ${issue.message}` }];
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
