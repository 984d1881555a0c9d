/**
 * What libvirt tells a qemu hook (https://libvirt.org/hooks.html) and what follows from it. Pure.
 *
 *   argv: NAME OPERATION SUBOPERATION EXTRA; the domain's XML on stdin
 */

export interface HookCall {
  /** From whoever defined the domain: for messages only. */
  readonly domainName: string;
  readonly operation: string;
  readonly suboperation: string;
}

export function parseCall(argv: readonly string[]): HookCall {
  const [domainName = '', operation = '', suboperation = ''] = argv;
  return { domainName, operation, suboperation };
}

/** What a call asks for; `nothing` needs neither the domain nor the configuration. */
export type HookTask =
  | 'nothing'
  /** A QEMU of this host runs: see that a controller is attached to it. */
  | 'attach'
  /** It has ended, and its resources are free. */
  | 'end'
  /** A domain is to migrate in; only here and at `prepare` may a hook refuse. */
  | 'admit';

export function taskOf({ operation, suboperation }: HookCall): HookTask {
  switch (`${operation} ${suboperation}`) {
    // reconnect: libvirtd was restarted and found the QEMU alive; attach: libvirt did not start it.
    case 'started begin':
    case 'reconnect begin':
    case 'attach begin':
      return 'attach';
    case 'release end':
      return 'end';
    case 'migrate begin':
      return 'admit';
    default:
      return 'nothing';
  }
}
