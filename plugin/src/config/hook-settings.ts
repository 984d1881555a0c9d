/**
 * The hook's own settings. They are checked by hand, since libvirt would wait for all that it takes to
 * load zod; and by themselves, so that a mistake elsewhere in the file lets nothing in that is refused.
 */
import { parseYaml, readConfigText, type SettingProblem } from './yaml-file.js';

export interface HookSettings {
  readonly refuseUntrackedDevices: boolean;
  readonly trackingDrivers: readonly string[];
}

/** Those of Linux 6.12 that log dirty pages. */
const trackingDrivers: readonly string[] = ['mlx5_vfio_pci', 'pds_vfio_pci'];

/** @throws PrecopyError USAGE if the file can't be read, is no YAML, or these settings are not valid */
export function loadHookSettings(file?: string): HookSettings {
  const { text, path } = readConfigText(file);
  const { content, invalid } = parseYaml(text, path);
  const hook = isRecord(content) ? content['hook'] : undefined;
  const { settings, problems } = checkHookSettings(hook ?? {});
  if (problems.length > 0) throw invalid(problems);
  return settings;
}

/** @param value of the section `hook` */
export function checkHookSettings(value: unknown): {
  settings: HookSettings;
  problems: SettingProblem[];
} {
  const defaults: HookSettings = { refuseUntrackedDevices: false, trackingDrivers };
  if (!isRecord(value)) {
    return { settings: defaults, problems: [{ path: ['hook'], message: 'hook: write settings' }] };
  }
  const problems: SettingProblem[] = [];
  const problem = (name: string, message: string): void => {
    problems.push({ path: ['hook', name], message });
  };
  const settings: { -readonly [name in keyof HookSettings]: HookSettings[name] } = { ...defaults };
  for (const [name, setting] of Object.entries(value)) {
    if (name === 'refuseUntrackedDevices') {
      const yes = yesOrNo(setting);
      if (yes === undefined) problem(name, `hook.${name}: write yes or no`);
      else settings.refuseUntrackedDevices = yes;
    } else if (name === 'trackingDrivers') {
      if (isNames(setting)) settings.trackingDrivers = setting;
      else problem(name, `hook.${name}: write a list of names`);
    } else {
      problem(name, `there is no setting hook.${name}`);
    }
  }
  return { settings, problems };
}

/** As people write it; undefined for anything else. */
export function yesOrNo(value: unknown): boolean | undefined {
  if (value === true || value === 'yes' || value === 'true') return true;
  return value === false || value === 'no' || value === 'false' ? false : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}
