/**
 * What can go wrong in the lab, as a stable code:
 *
 *     LAB_USAGE          the command line or an option is wrong
 *     LAB_TOOL_MISSING   a program of the host (QEMU, mmdebstrap, setpriv) is not installed
 *     LAB_IMAGE          an image could not be built
 *     LAB_BUILD          dirtygen or another extra could not be built inside the lab
 *     LAB_BOOT           the VM ended, or could not start, before the command's exit code came
 *     LAB_TIMEOUT        the time limit passed
 *     LAB_ABORTED        the caller's AbortSignal fired
 */
export type LabErrorCode =
  | 'LAB_USAGE'
  | 'LAB_TOOL_MISSING'
  | 'LAB_IMAGE'
  | 'LAB_BUILD'
  | 'LAB_BOOT'
  | 'LAB_TIMEOUT'
  | 'LAB_ABORTED';

export class LabError extends Error {
  readonly code: LabErrorCode;

  constructor(code: LabErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LabError';
    this.code = code;
  }
}
