/**
 * Dirty page logging by the device itself: DMA_LOGGING_START, STOP and REPORT (Linux 6.1).
 *
 * REPORT clears what it returns, as GET_BITMAP does, and logging is one switch for all holders of the
 * device: the same gate guards it.
 */
import { DeviceFeature, vfio } from '../abi/vfio.js';
import { isErrno, KernelError } from '../errors.js';
import type { BitmapRequest, IovaSpan } from '../type1/dirty-pages.js';
import { GatedFile, unmeasuredBitmap } from '../type1/gated-file.js';
import { callFeature, callFeatureAsync, probeFeature } from './feature.js';

/**
 * Whether device logging works, not only whether it is there: on kernels without the IOVA bitmap
 * (6.7 and later without CONFIG_IOMMUFD_DRIVER, such as Debian's) START succeeds and every REPORT fails with
 * EOPNOTSUPP. QEMU looks at START alone, chooses device logging, and its migrations fail.
 */
export type DmaLoggingSupport =
  /** START is not there: the driver or the kernel (before 6.1) has no device logging. */
  | { readonly works: false; readonly start: false; readonly errnoName: string }
  /** START is there, and REPORT fails. */
  | { readonly works: false; readonly start: true; readonly errnoName: string }
  /** Both are there, and REPORT got as far as the driver. */
  | { readonly works: true; readonly start: true };

export class DmaLogging extends GatedFile {
  /**
   * Finds out without starting anything: probes START, and asks REPORT for one page. EOPNOTSUPP then comes
   * from the kernel before the driver is asked; a driver that is not logging answers EINVAL (or 0), and that
   * is support. Should the log be on, for whomever, none of its bits is taken: the page lies just below
   * 2^63, and neither guest-physical addresses (2^52 on x86 and Arm) nor IOMMUs reach that far.
   *
   * @throws HarvestRefusedError while the gate is shut: a REPORT would clear bits
   */
  support(): DmaLoggingSupport {
    const start = probeFeature(
      this.kernel,
      this.fd,
      DeviceFeature.VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
      'set',
    );
    if (!start.supported) return { works: false, start: false, errnoName: start.errnoName };
    this.gate.check();
    const page = 4096n;
    const payload = reportPayload({ iova: (1n << 63n) - page, bytes: page }, page);
    try {
      const memory = new Uint8Array(8);
      callFeature(
        this.kernel,
        this.fd,
        DeviceFeature.VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT,
        'get',
        payload,
        [{ offset: vfio.featureDmaLoggingReport.offsets.bitmap, memory }],
      );
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (isErrno(error, 'EOPNOTSUPP', 'ENOTTY', 'ENOSYS')) {
        return { works: false, start: true, errnoName: error.errnoName };
      }
    }
    return { works: true, start: true };
  }

  /**
   * @param pageBytes the granularity wished for; the device may choose another
   * @returns the granularity that the device chose, in bytes
   * @throws HarvestRefusedError; KernelError: EINVAL (overlapping ranges, or logging already), E2BIG
   */
  start(spans: readonly IovaSpan[], pageBytes: number): bigint {
    this.gate.check();
    const { featureDmaLoggingControl: control, featureDmaLoggingRange: range } = vfio;
    const memory = new Uint8Array(Math.max(1, spans.length) * range.size);
    spans.forEach(({ iova, bytes }, index) => {
      range.write(memory, { iova, length: bytes }, index * range.size);
    });
    const payload = control.create({ page_size: BigInt(pageBytes), num_ranges: spans.length });
    callFeature(
      this.kernel,
      this.fd,
      DeviceFeature.VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
      'set',
      payload,
      [{ offset: control.offsets.ranges, memory }],
    );
    return control.read(payload).page_size;
  }

  /** @throws HarvestRefusedError; KernelError EINVAL when nothing is logged */
  stop(): void {
    this.gate.check();
    callFeature(
      this.kernel,
      this.fd,
      DeviceFeature.VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP,
      'set',
      new Uint8Array(0),
    );
  }

  /**
   * Reads and clears the log of a range, away from the event loop. The kernel sets bits and clears none,
   * so the buffer is zeroed first.
   *
   * @throws HarvestRefusedError; KernelError: EOPNOTSUPP (kernel without IOVA bitmap), EINVAL (not logging)
   * @throws RangeError if the bitmap is too short for the range, the range no whole pages, or `pageBytes` no
   *   power of two: the kernel is not told the bitmap's length
   */
  async report(request: BitmapRequest): Promise<void> {
    const { iova, bytes, pageBytes } = request;
    const memory = unmeasuredBitmap(request);
    await this.readBitmap(memory, request, (signal) =>
      callFeatureAsync(
        this.kernel,
        this.fd,
        DeviceFeature.VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT,
        'get',
        reportPayload({ iova, bytes }, BigInt(pageBytes)),
        [{ offset: vfio.featureDmaLoggingReport.offsets.bitmap, memory }],
        signal,
      ),
    );
  }
}

function reportPayload({ iova, bytes }: IovaSpan, pageBytes: bigint): Uint8Array {
  return vfio.featureDmaLoggingReport.create({ iova, length: bytes, page_size: pageBytes });
}
