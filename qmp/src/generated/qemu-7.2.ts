/**
 * The commands and events of QEMU 7.2.
 *
 * Generated from query-qmp-schema by scripts/qmp-types. Do not edit.
 */
import type { Empty, Int } from '../qapi.js';
import type { JsonValue } from '../json/value.js';

/** For `QmpClient<Qemu7_2>`. */
export interface Qemu7_2 {
  commands: Commands;
  events: Events;
}

export interface Commands {
  'add-fd': { arguments: AddFdArguments; returns: AddFdReturn };
  add_client: { arguments: AddClientArguments; returns: Empty };
  'announce-self': { arguments: AnnounceSelfArguments; returns: Empty };
  balloon: { arguments: BalloonArguments; returns: Empty };
  'block-commit': { arguments: BlockCommitArguments; returns: Empty };
  'block-dirty-bitmap-add': { arguments: BlockDirtyBitmapAddArguments; returns: Empty };
  'block-dirty-bitmap-clear': { arguments: BlockDirtyBitmapClearArguments; returns: Empty };
  'block-dirty-bitmap-disable': { arguments: BlockDirtyBitmapClearArguments; returns: Empty };
  'block-dirty-bitmap-enable': { arguments: BlockDirtyBitmapClearArguments; returns: Empty };
  'block-dirty-bitmap-merge': { arguments: BlockDirtyBitmapMergeArguments; returns: Empty };
  'block-dirty-bitmap-remove': { arguments: BlockDirtyBitmapClearArguments; returns: Empty };
  'block-export-add': { arguments: BlockExportAddArguments; returns: Empty };
  'block-export-del': { arguments: BlockExportDelArguments; returns: Empty };
  'block-job-cancel': { arguments: BlockJobCancelArguments; returns: Empty };
  'block-job-complete': { arguments: BlockJobCompleteArguments; returns: Empty };
  'block-job-dismiss': { arguments: BlockJobDismissArguments; returns: Empty };
  'block-job-finalize': { arguments: BlockJobFinalizeArguments; returns: Empty };
  'block-job-pause': { arguments: BlockJobPauseArguments; returns: Empty };
  'block-job-resume': { arguments: BlockJobResumeArguments; returns: Empty };
  'block-job-set-speed': { arguments: BlockJobSetSpeedArguments; returns: Empty };
  'block-latency-histogram-set': { arguments: BlockLatencyHistogramSetArguments; returns: Empty };
  'block-set-write-threshold': { arguments: BlockSetWriteThresholdArguments; returns: Empty };
  'block-stream': { arguments: BlockStreamArguments; returns: Empty };
  block_resize: { arguments: BlockResizeArguments; returns: Empty };
  block_set_io_throttle: { arguments: BlockSetIoThrottleArguments; returns: Empty };
  'blockdev-add': { arguments: BlockdevAddArguments; returns: Empty };
  'blockdev-backup': { arguments: BlockdevBackupArguments; returns: Empty };
  'blockdev-change-medium': { arguments: BlockdevChangeMediumArguments; returns: Empty };
  'blockdev-close-tray': { arguments: BlockdevCloseTrayArguments; returns: Empty };
  'blockdev-create': { arguments: BlockdevCreateArguments; returns: Empty };
  'blockdev-del': { arguments: BlockdevDelArguments; returns: Empty };
  'blockdev-insert-medium': { arguments: BlockdevInsertMediumArguments; returns: Empty };
  'blockdev-mirror': { arguments: BlockdevMirrorArguments; returns: Empty };
  'blockdev-open-tray': { arguments: BlockdevOpenTrayArguments; returns: Empty };
  'blockdev-remove-medium': { arguments: BlockdevRemoveMediumArguments; returns: Empty };
  'blockdev-reopen': { arguments: BlockdevReopenArguments; returns: Empty };
  /** QAPI feature `allow-write-only-overlay`. */
  'blockdev-snapshot': { arguments: BlockdevSnapshotArguments; returns: Empty };
  'blockdev-snapshot-delete-internal-sync': {
    arguments: BlockdevSnapshotDeleteInternalSyncArguments;
    returns: BlockdevSnapshotDeleteInternalSyncReturn;
  };
  'blockdev-snapshot-internal-sync': {
    arguments: BlockdevSnapshotInternalSyncArguments;
    returns: Empty;
  };
  'blockdev-snapshot-sync': { arguments: BlockdevSnapshotSyncArguments; returns: Empty };
  'calc-dirty-rate': { arguments: CalcDirtyRateArguments; returns: Empty };
  'cancel-vcpu-dirty-limit': { arguments: CancelVcpuDirtyLimitArguments; returns: Empty };
  'change-backing-file': { arguments: ChangeBackingFileArguments; returns: Empty };
  'change-vnc-password': { arguments: ChangeVncPasswordArguments; returns: Empty };
  'chardev-add': { arguments: ChardevAddArguments; returns: ChardevAddReturn };
  'chardev-change': { arguments: ChardevChangeArguments; returns: ChardevAddReturn };
  'chardev-remove': { arguments: ChardevRemoveArguments; returns: Empty };
  'chardev-send-break': { arguments: ChardevSendBreakArguments; returns: Empty };
  client_migrate_info: { arguments: ClientMigrateInfoArguments; returns: Empty };
  closefd: { arguments: ClosefdArguments; returns: Empty };
  cont: { arguments: Empty; returns: Empty };
  'device-list-properties': {
    arguments: DeviceListPropertiesArguments;
    returns: readonly QomListReturnItem[];
  };
  /**
   * Takes the device's own properties as well, which the schema does not list.
   * QAPI feature `json-cli`.
   * QAPI feature `json-cli-hotplug`.
   */
  device_add: {
    arguments: DeviceAddArguments & { [property: string]: JsonValue | undefined };
    returns: Empty;
  };
  device_del: { arguments: DeviceDelArguments; returns: Empty };
  'display-reload': { arguments: DisplayReloadArguments; returns: Empty };
  'display-update': { arguments: DisplayUpdateArguments; returns: Empty };
  /** @deprecated */
  'drive-backup': { arguments: DriveBackupArguments; returns: Empty };
  'drive-mirror': { arguments: DriveMirrorArguments; returns: Empty };
  'dump-guest-memory': { arguments: DumpGuestMemoryArguments; returns: Empty };
  dumpdtb: { arguments: DumpdtbArguments; returns: Empty };
  eject: { arguments: EjectArguments; returns: Empty };
  expire_password: { arguments: ExpirePasswordArguments; returns: Empty };
  getfd: { arguments: GetfdArguments; returns: Empty };
  /** QAPI feature `savevm-monitor-nodes`. */
  'human-monitor-command': { arguments: HumanMonitorCommandArguments; returns: string };
  'inject-nmi': { arguments: Empty; returns: Empty };
  'input-send-event': { arguments: InputSendEventArguments; returns: Empty };
  'job-cancel': { arguments: JobCancelArguments; returns: Empty };
  'job-complete': { arguments: JobCompleteArguments; returns: Empty };
  'job-dismiss': { arguments: JobDismissArguments; returns: Empty };
  'job-finalize': { arguments: JobFinalizeArguments; returns: Empty };
  'job-pause': { arguments: JobPauseArguments; returns: Empty };
  'job-resume': { arguments: JobResumeArguments; returns: Empty };
  memsave: { arguments: MemsaveArguments; returns: Empty };
  migrate: { arguments: MigrateArguments; returns: Empty };
  'migrate-continue': { arguments: MigrateContinueArguments; returns: Empty };
  'migrate-incoming': { arguments: MigrateIncomingArguments; returns: Empty };
  /** May be executed out of band. */
  'migrate-pause': { arguments: Empty; returns: Empty };
  /** May be executed out of band. */
  'migrate-recover': { arguments: MigrateRecoverArguments; returns: Empty };
  'migrate-set-capabilities': { arguments: MigrateSetCapabilitiesArguments; returns: Empty };
  'migrate-set-parameters': { arguments: MigrateSetParametersArguments; returns: Empty };
  'migrate-start-postcopy': { arguments: Empty; returns: Empty };
  migrate_cancel: { arguments: Empty; returns: Empty };
  /** @deprecated */
  'nbd-server-add': { arguments: NbdServerAddArguments; returns: Empty };
  /** @deprecated */
  'nbd-server-remove': { arguments: NbdServerRemoveArguments; returns: Empty };
  'nbd-server-start': { arguments: NbdServerStartArguments; returns: Empty };
  'nbd-server-stop': { arguments: Empty; returns: Empty };
  netdev_add: { arguments: NetdevAddArguments; returns: Empty };
  netdev_del: { arguments: NetdevDelArguments; returns: Empty };
  'object-add': { arguments: ObjectAddArguments; returns: Empty };
  'object-del': { arguments: ObjectDelArguments; returns: Empty };
  pmemsave: { arguments: PmemsaveArguments; returns: Empty };
  qmp_capabilities: { arguments: QmpCapabilitiesArguments; returns: Empty };
  'qom-get': { arguments: QomGetArguments; returns: JsonValue };
  'qom-list': { arguments: QomListArguments; returns: readonly QomListReturnItem[] };
  'qom-list-properties': {
    arguments: QomListPropertiesArguments;
    returns: readonly QomListReturnItem[];
  };
  'qom-list-types': {
    arguments: QomListTypesArguments;
    returns: readonly QomListTypesReturnItem[];
  };
  'qom-set': { arguments: QomSetArguments; returns: Empty };
  'query-acpi-ospm-status': { arguments: Empty; returns: readonly AcpiDeviceOstEventInfo[] };
  'query-balloon': { arguments: Empty; returns: QueryBalloonReturn };
  'query-block': { arguments: Empty; returns: readonly QueryBlockReturnItem[] };
  'query-block-exports': { arguments: Empty; returns: readonly QueryBlockExportsReturnItem[] };
  'query-block-jobs': { arguments: Empty; returns: readonly QueryBlockJobsReturnItem[] };
  'query-blockstats': {
    arguments: QueryBlockstatsArguments;
    returns: readonly QueryBlockstatsReturnItem[];
  };
  'query-chardev': { arguments: Empty; returns: readonly QueryChardevReturnItem[] };
  'query-chardev-backends': {
    arguments: Empty;
    returns: readonly QueryChardevBackendsReturnItem[];
  };
  'query-colo-status': { arguments: Empty; returns: QueryColoStatusReturn };
  'query-command-line-options': {
    arguments: QueryCommandLineOptionsArguments;
    returns: readonly QueryCommandLineOptionsReturnItem[];
  };
  'query-commands': { arguments: Empty; returns: readonly QueryCommandsReturnItem[] };
  'query-cpu-definitions': { arguments: Empty; returns: readonly QueryCpuDefinitionsReturnItem[] };
  'query-cpu-model-expansion': {
    arguments: QueryCpuModelExpansionArguments;
    returns: QueryCpuModelExpansionReturn;
  };
  'query-cpus-fast': { arguments: Empty; returns: readonly QueryCpusFastReturnItem[] };
  'query-current-machine': { arguments: Empty; returns: QueryCurrentMachineReturn };
  'query-dirty-rate': { arguments: Empty; returns: QueryDirtyRateReturn };
  'query-display-options': { arguments: Empty; returns: QueryDisplayOptionsReturn };
  'query-dump': { arguments: Empty; returns: QueryDumpReturn };
  'query-dump-guest-memory-capability': {
    arguments: Empty;
    returns: QueryDumpGuestMemoryCapabilityReturn;
  };
  'query-fdsets': { arguments: Empty; returns: readonly QueryFdsetsReturnItem[] };
  'query-hotpluggable-cpus': {
    arguments: Empty;
    returns: readonly QueryHotpluggableCpusReturnItem[];
  };
  'query-iothreads': { arguments: Empty; returns: readonly QueryIothreadsReturnItem[] };
  'query-jobs': { arguments: Empty; returns: readonly QueryJobsReturnItem[] };
  'query-kvm': { arguments: Empty; returns: QueryKvmReturn };
  'query-machines': { arguments: Empty; returns: readonly QueryMachinesReturnItem[] };
  'query-memdev': { arguments: Empty; returns: readonly QueryMemdevReturnItem[] };
  'query-memory-devices': { arguments: Empty; returns: readonly QueryMemoryDevicesReturnItem[] };
  'query-memory-size-summary': { arguments: Empty; returns: QueryMemorySizeSummaryReturn };
  'query-mice': { arguments: Empty; returns: readonly QueryMiceReturnItem[] };
  'query-migrate': { arguments: Empty; returns: QueryMigrateReturn };
  'query-migrate-capabilities': {
    arguments: Empty;
    returns: readonly QueryMigrateCapabilitiesReturnItem[];
  };
  'query-migrate-parameters': { arguments: Empty; returns: QueryMigrateParametersReturn };
  'query-name': { arguments: Empty; returns: QueryNameReturn };
  'query-named-block-nodes': {
    arguments: QueryNamedBlockNodesArguments;
    returns: readonly QueryBlockReturnItemInserted[];
  };
  'query-pci': { arguments: Empty; returns: readonly QueryPciReturnItem[] };
  'query-pr-managers': { arguments: Empty; returns: readonly QueryPrManagersReturnItem[] };
  'query-qmp-schema': { arguments: Empty; returns: readonly QueryQmpSchemaReturnItem[] };
  'query-replay': { arguments: Empty; returns: QueryReplayReturn };
  'query-rocker': { arguments: QueryRockerArguments; returns: QueryRockerReturn };
  'query-rocker-of-dpa-flows': {
    arguments: QueryRockerOfDpaFlowsArguments;
    returns: readonly QueryRockerOfDpaFlowsReturnItem[];
  };
  'query-rocker-of-dpa-groups': {
    arguments: QueryRockerOfDpaGroupsArguments;
    returns: readonly QueryRockerOfDpaGroupsReturnItem[];
  };
  'query-rocker-ports': {
    arguments: QueryRockerPortsArguments;
    returns: readonly QueryRockerPortsReturnItem[];
  };
  'query-rx-filter': {
    arguments: QueryRxFilterArguments;
    returns: readonly QueryRxFilterReturnItem[];
  };
  'query-sev': { arguments: Empty; returns: QuerySevReturn };
  'query-sev-attestation-report': {
    arguments: QuerySevAttestationReportArguments;
    returns: QuerySevAttestationReportReturn;
  };
  'query-sev-capabilities': { arguments: Empty; returns: QuerySevCapabilitiesReturn };
  'query-sev-launch-measure': { arguments: Empty; returns: QuerySevLaunchMeasureReturn };
  'query-sgx': { arguments: Empty; returns: QuerySgxReturn };
  'query-sgx-capabilities': { arguments: Empty; returns: QuerySgxReturn };
  'query-spice': { arguments: Empty; returns: QuerySpiceReturn };
  'query-stats': { arguments: QueryStatsArguments; returns: readonly QueryStatsReturnItem[] };
  'query-stats-schemas': {
    arguments: QueryStatsSchemasArguments;
    returns: readonly QueryStatsSchemasReturnItem[];
  };
  'query-status': { arguments: Empty; returns: QueryStatusReturn };
  'query-target': { arguments: Empty; returns: QueryTargetReturn };
  'query-tpm': { arguments: Empty; returns: readonly QueryTpmReturnItem[] };
  'query-tpm-models': { arguments: Empty; returns: readonly QueryTpmReturnItemModel[] };
  'query-tpm-types': { arguments: Empty; returns: readonly QueryTpmTypesReturnItem[] };
  'query-uuid': { arguments: Empty; returns: QueryUuidReturn };
  'query-vcpu-dirty-limit': { arguments: Empty; returns: readonly QueryVcpuDirtyLimitReturnItem[] };
  'query-version': { arguments: Empty; returns: QueryVersionReturn };
  'query-vm-generation-id': { arguments: Empty; returns: QueryVmGenerationIdReturn };
  'query-vnc': { arguments: Empty; returns: QueryVncReturn };
  'query-vnc-servers': { arguments: Empty; returns: readonly QueryVncServersReturnItem[] };
  'query-xen-replication-status': { arguments: Empty; returns: QueryXenReplicationStatusReturn };
  /** May be executed out of band. */
  'query-yank': { arguments: Empty; returns: readonly QueryYankReturnItem[] };
  quit: { arguments: Empty; returns: Empty };
  'remove-fd': { arguments: RemoveFdArguments; returns: Empty };
  'replay-break': { arguments: ReplayBreakArguments; returns: Empty };
  'replay-delete-break': { arguments: Empty; returns: Empty };
  'replay-seek': { arguments: ReplaySeekArguments; returns: Empty };
  'ringbuf-read': { arguments: RingbufReadArguments; returns: string };
  'ringbuf-write': { arguments: RingbufWriteArguments; returns: Empty };
  'rtc-reset-reinjection': { arguments: Empty; returns: Empty };
  screendump: { arguments: ScreendumpArguments; returns: Empty };
  'send-key': { arguments: SendKeyArguments; returns: Empty };
  'set-action': { arguments: SetActionArguments; returns: Empty };
  'set-numa-node': { arguments: SetNumaNodeArguments; returns: Empty };
  'set-vcpu-dirty-limit': { arguments: SetVcpuDirtyLimitArguments; returns: Empty };
  set_link: { arguments: SetLinkArguments; returns: Empty };
  set_password: { arguments: SetPasswordArguments; returns: Empty };
  'sev-inject-launch-secret': { arguments: SevInjectLaunchSecretArguments; returns: Empty };
  'snapshot-delete': { arguments: SnapshotDeleteArguments; returns: Empty };
  'snapshot-load': { arguments: SnapshotLoadArguments; returns: Empty };
  'snapshot-save': { arguments: SnapshotSaveArguments; returns: Empty };
  stop: { arguments: Empty; returns: Empty };
  system_powerdown: { arguments: Empty; returns: Empty };
  system_reset: { arguments: Empty; returns: Empty };
  system_wakeup: { arguments: Empty; returns: Empty };
  'trace-event-get-state': {
    arguments: TraceEventGetStateArguments;
    returns: readonly TraceEventGetStateReturnItem[];
  };
  'trace-event-set-state': { arguments: TraceEventSetStateArguments; returns: Empty };
  transaction: { arguments: TransactionArguments; returns: Empty };
  'watchdog-set-action': { arguments: WatchdogSetActionArguments; returns: Empty };
  /** @experimental unstable */
  'x-blockdev-amend': { arguments: XBlockdevAmendArguments; returns: Empty };
  /** @experimental unstable */
  'x-blockdev-change': { arguments: XBlockdevChangeArguments; returns: Empty };
  /** @experimental unstable */
  'x-blockdev-set-iothread': { arguments: XBlockdevSetIothreadArguments; returns: Empty };
  /** @experimental unstable */
  'x-colo-lost-heartbeat': { arguments: Empty; returns: Empty };
  /** @experimental unstable */
  'x-debug-block-dirty-bitmap-sha256': {
    arguments: BlockDirtyBitmapClearArguments;
    returns: XDebugBlockDirtyBitmapSha256Return;
  };
  /** @experimental unstable */
  'x-debug-query-block-graph': { arguments: Empty; returns: XDebugQueryBlockGraphReturn };
  /** @experimental unstable */
  'x-exit-preconfig': { arguments: Empty; returns: Empty };
  /** @experimental unstable */
  'x-query-irq': { arguments: Empty; returns: XQueryIrqReturn };
  /** @experimental unstable */
  'x-query-jit': { arguments: Empty; returns: XQueryIrqReturn };
  /** @experimental unstable */
  'x-query-numa': { arguments: Empty; returns: XQueryIrqReturn };
  /** @experimental unstable */
  'x-query-opcount': { arguments: Empty; returns: XQueryIrqReturn };
  /** @experimental unstable */
  'x-query-profile': { arguments: Empty; returns: XQueryIrqReturn };
  /** @experimental unstable */
  'x-query-ramblock': { arguments: Empty; returns: XQueryIrqReturn };
  /** @experimental unstable */
  'x-query-rdma': { arguments: Empty; returns: XQueryIrqReturn };
  /** @experimental unstable */
  'x-query-roms': { arguments: Empty; returns: XQueryIrqReturn };
  /** @experimental unstable */
  'x-query-usb': { arguments: Empty; returns: XQueryIrqReturn };
  /** @experimental unstable */
  'x-query-virtio': { arguments: Empty; returns: readonly XQueryVirtioReturnItem[] };
  /** @experimental unstable */
  'x-query-virtio-queue-element': {
    arguments: XQueryVirtioQueueElementArguments;
    returns: XQueryVirtioQueueElementReturn;
  };
  /** @experimental unstable */
  'x-query-virtio-queue-status': {
    arguments: XQueryVirtioQueueStatusArguments;
    returns: XQueryVirtioQueueStatusReturn;
  };
  /** @experimental unstable */
  'x-query-virtio-status': {
    arguments: XQueryVirtioStatusArguments;
    returns: XQueryVirtioStatusReturn;
  };
  /** @experimental unstable */
  'x-query-virtio-vhost-queue-status': {
    arguments: XQueryVirtioVhostQueueStatusArguments;
    returns: XQueryVirtioVhostQueueStatusReturn;
  };
  'xen-colo-do-checkpoint': { arguments: Empty; returns: Empty };
  'xen-load-devices-state': { arguments: XenLoadDevicesStateArguments; returns: Empty };
  'xen-save-devices-state': { arguments: XenSaveDevicesStateArguments; returns: Empty };
  'xen-set-global-dirty-log': { arguments: XenSetGlobalDirtyLogArguments; returns: Empty };
  'xen-set-replication': { arguments: XenSetReplicationArguments; returns: Empty };
  /** May be executed out of band. */
  yank: { arguments: YankArguments; returns: Empty };
}

export interface Events {
  ACPI_DEVICE_OST: AcpiDeviceOstEvent;
  BALLOON_CHANGE: BalloonChangeEvent;
  BLOCK_EXPORT_DELETED: BlockExportDeletedEvent;
  BLOCK_IMAGE_CORRUPTED: BlockImageCorruptedEvent;
  BLOCK_IO_ERROR: BlockIoErrorEvent;
  BLOCK_JOB_CANCELLED: BlockJobCancelledEvent;
  BLOCK_JOB_COMPLETED: BlockJobCompletedEvent;
  BLOCK_JOB_ERROR: BlockJobErrorEvent;
  BLOCK_JOB_PENDING: BlockJobPendingEvent;
  BLOCK_JOB_READY: BlockJobReadyEvent;
  BLOCK_WRITE_THRESHOLD: BlockWriteThresholdEvent;
  COLO_EXIT: ColoExitEvent;
  DEVICE_DELETED: DeviceDeletedEvent;
  DEVICE_TRAY_MOVED: DeviceTrayMovedEvent;
  DEVICE_UNPLUG_GUEST_ERROR: DeviceUnplugGuestErrorEvent;
  DUMP_COMPLETED: DumpCompletedEvent;
  FAILOVER_NEGOTIATED: FailoverNegotiatedEvent;
  GUEST_CRASHLOADED: GuestCrashloadedEvent;
  GUEST_PANICKED: GuestPanickedEvent;
  JOB_STATUS_CHANGE: JobStatusChangeEvent;
  MEMORY_DEVICE_SIZE_CHANGE: MemoryDeviceSizeChangeEvent;
  MEMORY_FAILURE: MemoryFailureEvent;
  /** @deprecated */
  MEM_UNPLUG_ERROR: MemUnplugErrorEvent;
  MIGRATION: MigrationEvent;
  MIGRATION_PASS: MigrationPassEvent;
  NETDEV_STREAM_CONNECTED: NetdevStreamConnectedEvent;
  NETDEV_STREAM_DISCONNECTED: NetdevStreamDisconnectedEvent;
  NIC_RX_FILTER_CHANGED: NicRxFilterChangedEvent;
  POWERDOWN: Empty;
  PR_MANAGER_STATUS_CHANGED: PrManagerStatusChangedEvent;
  QUORUM_FAILURE: QuorumFailureEvent;
  QUORUM_REPORT_BAD: QuorumReportBadEvent;
  RDMA_GID_STATUS_CHANGED: RdmaGidStatusChangedEvent;
  RESET: ResetEvent;
  RESUME: Empty;
  RTC_CHANGE: RtcChangeEvent;
  SHUTDOWN: ShutdownEvent;
  SPICE_CONNECTED: SpiceConnectedEvent;
  SPICE_DISCONNECTED: SpiceDisconnectedEvent;
  SPICE_INITIALIZED: SpiceInitializedEvent;
  SPICE_MIGRATE_COMPLETED: Empty;
  STOP: Empty;
  SUSPEND: Empty;
  SUSPEND_DISK: Empty;
  UNPLUG_PRIMARY: UnplugPrimaryEvent;
  VFU_CLIENT_HANGUP: VfuClientHangupEvent;
  VNC_CONNECTED: VncConnectedEvent;
  VNC_DISCONNECTED: VncDisconnectedEvent;
  VNC_INITIALIZED: VncInitializedEvent;
  VSERPORT_CHANGE: VserportChangeEvent;
  WAKEUP: Empty;
  WATCHDOG: WatchdogEvent;
}

/** Data of the event `ACPI_DEVICE_OST`. */
export interface AcpiDeviceOstEvent {
  info: AcpiDeviceOstEventInfo;
}

/** `info` in the data of the event `ACPI_DEVICE_OST`. */
export interface AcpiDeviceOstEventInfo {
  device?: string | undefined;
  slot: string;
  'slot-type': AcpiDeviceOstEventInfoSlotType;
  source: Int;
  status: Int;
}

/** `slot-type` in the `info` in the data of the event `ACPI_DEVICE_OST`. */
export type AcpiDeviceOstEventInfoSlotType = 'DIMM' | 'CPU';

/** Arguments of `add_client`. */
export interface AddClientArguments {
  protocol: string;
  fdname: string;
  skipauth?: boolean | undefined;
  tls?: boolean | undefined;
}

/** Arguments of `add-fd`. */
export interface AddFdArguments {
  'fdset-id'?: Int | undefined;
  opaque?: string | undefined;
}

/** Result of `add-fd`. */
export interface AddFdReturn {
  'fdset-id': Int;
  fd: Int;
}

/** Arguments of `announce-self`. */
export interface AnnounceSelfArguments {
  initial: Int;
  max: Int;
  rounds: Int;
  step: Int;
  interfaces?: readonly string[] | undefined;
  id?: string | undefined;
}

/** Arguments of `balloon`. */
export interface BalloonArguments {
  value: Int;
}

/** Data of the event `BALLOON_CHANGE`. */
export interface BalloonChangeEvent {
  actual: Int;
}

/** Arguments of `block-commit`. */
export interface BlockCommitArguments {
  'job-id'?: string | undefined;
  device: string;
  'base-node'?: string | undefined;
  /** @deprecated */
  base?: string | undefined;
  'top-node'?: string | undefined;
  /** @deprecated */
  top?: string | undefined;
  'backing-file'?: string | undefined;
  speed?: Int | undefined;
  'on-error'?: BlockCommitArgumentsOnError | undefined;
  'filter-node-name'?: string | undefined;
  'auto-finalize'?: boolean | undefined;
  'auto-dismiss'?: boolean | undefined;
}

/** `on-error` in the arguments of `block-commit`. */
export type BlockCommitArgumentsOnError = 'report' | 'ignore' | 'enospc' | 'stop' | 'auto';

/** Arguments of `block-dirty-bitmap-add`. */
export interface BlockDirtyBitmapAddArguments {
  node: string;
  name: string;
  granularity?: Int | undefined;
  persistent?: boolean | undefined;
  disabled?: boolean | undefined;
}

/** Arguments of `block-dirty-bitmap-clear`. */
export interface BlockDirtyBitmapClearArguments {
  node: string;
  name: string;
}

/** Arguments of `block-dirty-bitmap-merge`. */
export interface BlockDirtyBitmapMergeArguments {
  node: string;
  target: string;
  bitmaps: readonly BlockExportAddArgumentsNbdBitmaps[];
}

/** Arguments of `block-export-add`. */
export type BlockExportAddArguments = {
  id: string;
  'fixed-iothread'?: boolean | undefined;
  iothread?: string | undefined;
  'node-name': string;
  writable?: boolean | undefined;
  writethrough?: boolean | undefined;
} & (
  | ({ type: 'nbd' } & BlockExportAddArgumentsNbd)
  | ({ type: 'vhost-user-blk' } & BlockExportAddArgumentsVhostUserBlk)
  | ({ type: 'fuse' } & BlockExportAddArgumentsFuse)
  | ({ type: 'vduse-blk' } & BlockExportAddArgumentsVduseBlk)
);

/** Variant `fuse` of the arguments of `block-export-add`. */
export interface BlockExportAddArgumentsFuse {
  mountpoint: string;
  growable?: boolean | undefined;
  'allow-other'?: BlockExportAddArgumentsFuseAllowOther | undefined;
}

/** `allow-other` in the variant `fuse` of the arguments of `block-export-add`. */
export type BlockExportAddArgumentsFuseAllowOther = 'off' | 'on' | 'auto';

/** Variant `nbd` of the arguments of `block-export-add`. */
export interface BlockExportAddArgumentsNbd {
  name?: string | undefined;
  description?: string | undefined;
  bitmaps?: readonly BlockExportAddArgumentsNbdBitmaps[] | undefined;
  'allocation-depth'?: boolean | undefined;
}

/** `bitmaps` in the variant `nbd` of the arguments of `block-export-add`. */
export type BlockExportAddArgumentsNbdBitmaps = string | BlockDirtyBitmapClearArguments;

/** `type` in the arguments of `block-export-add`. */
export type BlockExportAddArgumentsType = 'nbd' | 'vhost-user-blk' | 'fuse' | 'vduse-blk';

/** Variant `vduse-blk` of the arguments of `block-export-add`. */
export interface BlockExportAddArgumentsVduseBlk {
  name: string;
  'num-queues'?: Int | undefined;
  'queue-size'?: Int | undefined;
  'logical-block-size'?: Int | undefined;
  serial?: string | undefined;
}

/** Variant `vhost-user-blk` of the arguments of `block-export-add`. */
export interface BlockExportAddArgumentsVhostUserBlk {
  addr: NetdevAddArgumentsDgramLocal;
  'logical-block-size'?: Int | undefined;
  'num-queues'?: Int | undefined;
}

/** Arguments of `block-export-del`. */
export interface BlockExportDelArguments {
  id: string;
  mode?: BlockExportDelArgumentsMode | undefined;
}

/** `mode` in the arguments of `block-export-del`. */
export type BlockExportDelArgumentsMode = 'safe' | 'hard';

/** Data of the event `BLOCK_EXPORT_DELETED`. */
export interface BlockExportDeletedEvent {
  id: string;
}

/** Data of the event `BLOCK_IMAGE_CORRUPTED`. */
export interface BlockImageCorruptedEvent {
  device: string;
  'node-name'?: string | undefined;
  msg: string;
  offset?: Int | undefined;
  size?: Int | undefined;
  fatal: boolean;
}

/** Data of the event `BLOCK_IO_ERROR`. */
export interface BlockIoErrorEvent {
  device: string;
  'node-name'?: string | undefined;
  operation: BlockIoErrorEventOperation;
  action: BlockIoErrorEventAction;
  nospace?: boolean | undefined;
  reason: string;
}

/** `action` in the data of the event `BLOCK_IO_ERROR`. */
export type BlockIoErrorEventAction = 'ignore' | 'report' | 'stop';

/** `operation` in the data of the event `BLOCK_IO_ERROR`. */
export type BlockIoErrorEventOperation = 'read' | 'write';

/** Arguments of `block-job-cancel`. */
export interface BlockJobCancelArguments {
  device: string;
  force?: boolean | undefined;
}

/** Data of the event `BLOCK_JOB_CANCELLED`. */
export interface BlockJobCancelledEvent {
  type: BlockJobReadyEventType;
  device: string;
  len: Int;
  offset: Int;
  speed: Int;
}

/** Arguments of `block-job-complete`. */
export interface BlockJobCompleteArguments {
  device: string;
}

/** Data of the event `BLOCK_JOB_COMPLETED`. */
export interface BlockJobCompletedEvent {
  type: BlockJobReadyEventType;
  device: string;
  len: Int;
  offset: Int;
  speed: Int;
  error?: string | undefined;
}

/** Arguments of `block-job-dismiss`. */
export interface BlockJobDismissArguments {
  id: string;
}

/** Data of the event `BLOCK_JOB_ERROR`. */
export interface BlockJobErrorEvent {
  device: string;
  operation: BlockIoErrorEventOperation;
  action: BlockIoErrorEventAction;
}

/** Arguments of `block-job-finalize`. */
export interface BlockJobFinalizeArguments {
  id: string;
}

/** Arguments of `block-job-pause`. */
export interface BlockJobPauseArguments {
  device: string;
}

/** Data of the event `BLOCK_JOB_PENDING`. */
export interface BlockJobPendingEvent {
  type: BlockJobReadyEventType;
  id: string;
}

/** Data of the event `BLOCK_JOB_READY`. */
export interface BlockJobReadyEvent {
  type: BlockJobReadyEventType;
  device: string;
  len: Int;
  offset: Int;
  speed: Int;
}

/** `type` in the data of the event `BLOCK_JOB_READY`. */
export type BlockJobReadyEventType =
  | 'commit'
  | 'stream'
  | 'mirror'
  | 'backup'
  | 'create'
  | 'amend'
  | 'snapshot-load'
  | 'snapshot-save'
  | 'snapshot-delete';

/** Arguments of `block-job-resume`. */
export interface BlockJobResumeArguments {
  device: string;
}

/** Arguments of `block-job-set-speed`. */
export interface BlockJobSetSpeedArguments {
  device: string;
  speed: Int;
}

/** Arguments of `block-latency-histogram-set`. */
export interface BlockLatencyHistogramSetArguments {
  id: string;
  boundaries?: readonly Int[] | undefined;
  'boundaries-read'?: readonly Int[] | undefined;
  'boundaries-write'?: readonly Int[] | undefined;
  'boundaries-flush'?: readonly Int[] | undefined;
}

/** Arguments of `block_resize`. */
export interface BlockResizeArguments {
  device?: string | undefined;
  'node-name'?: string | undefined;
  size: Int;
}

/** Arguments of `block_set_io_throttle`. */
export interface BlockSetIoThrottleArguments {
  /** @deprecated */
  device?: string | undefined;
  id?: string | undefined;
  bps: Int;
  bps_rd: Int;
  bps_wr: Int;
  iops: Int;
  iops_rd: Int;
  iops_wr: Int;
  bps_max?: Int | undefined;
  bps_rd_max?: Int | undefined;
  bps_wr_max?: Int | undefined;
  iops_max?: Int | undefined;
  iops_rd_max?: Int | undefined;
  iops_wr_max?: Int | undefined;
  bps_max_length?: Int | undefined;
  bps_rd_max_length?: Int | undefined;
  bps_wr_max_length?: Int | undefined;
  iops_max_length?: Int | undefined;
  iops_rd_max_length?: Int | undefined;
  iops_wr_max_length?: Int | undefined;
  iops_size?: Int | undefined;
  group?: string | undefined;
}

/** Arguments of `block-set-write-threshold`. */
export interface BlockSetWriteThresholdArguments {
  'node-name': string;
  'write-threshold': Int;
}

/** Arguments of `block-stream`. */
export interface BlockStreamArguments {
  'job-id'?: string | undefined;
  device: string;
  base?: string | undefined;
  'base-node'?: string | undefined;
  'backing-file'?: string | undefined;
  bottom?: string | undefined;
  speed?: Int | undefined;
  'on-error'?: BlockCommitArgumentsOnError | undefined;
  'filter-node-name'?: string | undefined;
  'auto-finalize'?: boolean | undefined;
  'auto-dismiss'?: boolean | undefined;
}

/** Data of the event `BLOCK_WRITE_THRESHOLD`. */
export interface BlockWriteThresholdEvent {
  'node-name': string;
  'amount-exceeded': Int;
  'write-threshold': Int;
}

/** Arguments of `blockdev-add`. */
export type BlockdevAddArguments = {
  'node-name'?: string | undefined;
  discard?: BlockdevAddArgumentsDiscard | undefined;
  cache?: BlockdevAddArgumentsCache | undefined;
  'read-only'?: boolean | undefined;
  'auto-read-only'?: boolean | undefined;
  'force-share'?: boolean | undefined;
  'detect-zeroes'?: BlockdevAddArgumentsDetectZeroes | undefined;
} & (
  | ({ driver: 'blkdebug' } & BlockdevAddArgumentsBlkdebug)
  | ({ driver: 'blklogwrites' } & BlockdevAddArgumentsBlklogwrites)
  | ({ driver: 'blkverify' } & BlockdevAddArgumentsBlkverify)
  | ({ driver: 'blkreplay' } & BlockdevAddArgumentsBlkreplay)
  | ({ driver: 'bochs' } & BlockdevAddArgumentsDmg)
  | ({ driver: 'cloop' } & BlockdevAddArgumentsDmg)
  | ({ driver: 'compress' } & BlockdevAddArgumentsDmg)
  | ({ driver: 'copy-before-write' } & BlockdevAddArgumentsCopyBeforeWrite)
  | ({ driver: 'copy-on-read' } & BlockdevAddArgumentsCopyOnRead)
  | ({ driver: 'dmg' } & BlockdevAddArgumentsDmg)
  | ({ driver: 'file' } & BlockdevAddArgumentsFile)
  | ({ driver: 'ftp' } & BlockdevAddArgumentsFtp)
  | ({ driver: 'ftps' } & BlockdevAddArgumentsFtps)
  | ({ driver: 'gluster' } & BlockdevAddArgumentsGluster)
  | ({ driver: 'host_cdrom' } & BlockdevAddArgumentsFile)
  | ({ driver: 'host_device' } & BlockdevAddArgumentsFile)
  | ({ driver: 'http' } & BlockdevAddArgumentsHttp)
  | ({ driver: 'https' } & BlockdevAddArgumentsHttps)
  | ({ driver: 'iscsi' } & BlockdevAddArgumentsIscsi)
  | ({ driver: 'luks' } & BlockdevAddArgumentsLuks)
  | ({ driver: 'nbd' } & BlockdevAddArgumentsNbd)
  | ({ driver: 'nfs' } & BlockdevAddArgumentsNfs)
  | ({ driver: 'null-aio' } & BlockdevAddArgumentsNullCo)
  | ({ driver: 'null-co' } & BlockdevAddArgumentsNullCo)
  | ({ driver: 'nvme' } & BlockdevAddArgumentsNvme)
  | ({ driver: 'parallels' } & BlockdevAddArgumentsDmg)
  | ({ driver: 'preallocate' } & BlockdevAddArgumentsPreallocate)
  | ({ driver: 'qcow2' } & BlockdevAddArgumentsQcow2)
  | ({ driver: 'qcow' } & BlockdevAddArgumentsQcow)
  | ({ driver: 'qed' } & BlockdevAddArgumentsQed)
  | ({ driver: 'quorum' } & BlockdevAddArgumentsQuorum)
  | ({ driver: 'raw' } & BlockdevAddArgumentsRaw)
  | ({ driver: 'rbd' } & BlockdevAddArgumentsRbd)
  | ({ driver: 'replication' } & BlockdevAddArgumentsReplication)
  | ({ driver: 'snapshot-access' } & BlockdevAddArgumentsDmg)
  | ({ driver: 'ssh' } & BlockdevAddArgumentsSsh)
  | ({ driver: 'throttle' } & BlockdevAddArgumentsThrottle)
  | ({ driver: 'vdi' } & BlockdevAddArgumentsDmg)
  | ({ driver: 'vhdx' } & BlockdevAddArgumentsDmg)
  | ({ driver: 'vmdk' } & BlockdevAddArgumentsQed)
  | ({ driver: 'vpc' } & BlockdevAddArgumentsDmg)
  | ({ driver: 'vvfat' } & BlockdevAddArgumentsVvfat)
);

/** Variant `blkdebug` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsBlkdebug {
  image: BlockdevAddArgumentsDmgFile;
  config?: string | undefined;
  align?: Int | undefined;
  'max-transfer'?: Int | undefined;
  'opt-write-zero'?: Int | undefined;
  'max-write-zero'?: Int | undefined;
  'opt-discard'?: Int | undefined;
  'max-discard'?: Int | undefined;
  'inject-error'?: readonly BlockdevAddArgumentsBlkdebugInjectError[] | undefined;
  'set-state'?: readonly BlockdevAddArgumentsBlkdebugSetState[] | undefined;
  'take-child-perms'?: readonly XDebugQueryBlockGraphReturnEdgesPerm[] | undefined;
  'unshare-child-perms'?: readonly XDebugQueryBlockGraphReturnEdgesPerm[] | undefined;
}

/** `inject-error` in the variant `blkdebug` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsBlkdebugInjectError {
  event: BlockdevAddArgumentsBlkdebugSetStateEvent;
  state?: Int | undefined;
  iotype?: BlockdevAddArgumentsBlkdebugInjectErrorIotype | undefined;
  errno?: Int | undefined;
  sector?: Int | undefined;
  once?: boolean | undefined;
  immediately?: boolean | undefined;
}

/** `iotype` in the `inject-error` in the variant `blkdebug` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsBlkdebugInjectErrorIotype =
  'read' | 'write' | 'write-zeroes' | 'discard' | 'flush' | 'block-status';

/** `set-state` in the variant `blkdebug` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsBlkdebugSetState {
  event: BlockdevAddArgumentsBlkdebugSetStateEvent;
  state?: Int | undefined;
  new_state: Int;
}

/** `event` in the `set-state` in the variant `blkdebug` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsBlkdebugSetStateEvent =
  | 'l1_update'
  | 'l1_grow_alloc_table'
  | 'l1_grow_write_table'
  | 'l1_grow_activate_table'
  | 'l2_load'
  | 'l2_update'
  | 'l2_update_compressed'
  | 'l2_alloc_cow_read'
  | 'l2_alloc_write'
  | 'read_aio'
  | 'read_backing_aio'
  | 'read_compressed'
  | 'write_aio'
  | 'write_compressed'
  | 'vmstate_load'
  | 'vmstate_save'
  | 'cow_read'
  | 'cow_write'
  | 'reftable_load'
  | 'reftable_grow'
  | 'reftable_update'
  | 'refblock_load'
  | 'refblock_update'
  | 'refblock_update_part'
  | 'refblock_alloc'
  | 'refblock_alloc_hookup'
  | 'refblock_alloc_write'
  | 'refblock_alloc_write_blocks'
  | 'refblock_alloc_write_table'
  | 'refblock_alloc_switch_table'
  | 'cluster_alloc'
  | 'cluster_alloc_bytes'
  | 'cluster_free'
  | 'flush_to_os'
  | 'flush_to_disk'
  | 'pwritev_rmw_head'
  | 'pwritev_rmw_after_head'
  | 'pwritev_rmw_tail'
  | 'pwritev_rmw_after_tail'
  | 'pwritev'
  | 'pwritev_zero'
  | 'pwritev_done'
  | 'empty_image_prepare'
  | 'l1_shrink_write_table'
  | 'l1_shrink_free_l2_clusters'
  | 'cor_write'
  | 'cluster_alloc_space'
  | 'none';

/** Variant `blklogwrites` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsBlklogwrites {
  file: BlockdevAddArgumentsDmgFile;
  log: BlockdevAddArgumentsDmgFile;
  'log-sector-size'?: Int | undefined;
  'log-append'?: boolean | undefined;
  'log-super-update-interval'?: Int | undefined;
}

/** Variant `blkreplay` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsBlkreplay {
  image: BlockdevAddArgumentsDmgFile;
}

/** Variant `blkverify` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsBlkverify {
  test: BlockdevAddArgumentsDmgFile;
  raw: BlockdevAddArgumentsDmgFile;
}

/** `cache` in the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsCache {
  direct?: boolean | undefined;
  'no-flush'?: boolean | undefined;
}

/** Variant `copy-before-write` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsCopyBeforeWrite {
  file: BlockdevAddArgumentsDmgFile;
  target: BlockdevAddArgumentsDmgFile;
  bitmap?: BlockDirtyBitmapClearArguments | undefined;
  'on-cbw-error'?: BlockdevAddArgumentsCopyBeforeWriteOnCbwError | undefined;
  'cbw-timeout'?: Int | undefined;
}

/** `on-cbw-error` in the variant `copy-before-write` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsCopyBeforeWriteOnCbwError = 'break-guest-write' | 'break-snapshot';

/** Variant `copy-on-read` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsCopyOnRead {
  file: BlockdevAddArgumentsDmgFile;
  bottom?: string | undefined;
}

/** `detect-zeroes` in the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsDetectZeroes = 'off' | 'on' | 'unmap';

/** `discard` in the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsDiscard = 'ignore' | 'unmap';

/** Variant `dmg` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsDmg {
  file: BlockdevAddArgumentsDmgFile;
}

/** `file` in the variant `dmg` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsDmgFile = BlockdevAddArguments | string;

/** `driver` in the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsDriver =
  | 'blkdebug'
  | 'blklogwrites'
  | 'blkreplay'
  | 'blkverify'
  | 'bochs'
  | 'cloop'
  | 'compress'
  | 'copy-before-write'
  | 'copy-on-read'
  | 'dmg'
  | 'file'
  | 'snapshot-access'
  | 'ftp'
  | 'ftps'
  | 'gluster'
  | 'host_cdrom'
  | 'host_device'
  | 'http'
  | 'https'
  | 'iscsi'
  | 'luks'
  | 'nbd'
  | 'nfs'
  | 'null-aio'
  | 'null-co'
  | 'nvme'
  | 'parallels'
  | 'preallocate'
  | 'qcow'
  | 'qcow2'
  | 'qed'
  | 'quorum'
  | 'raw'
  | 'rbd'
  | 'replication'
  | 'ssh'
  | 'throttle'
  | 'vdi'
  | 'vhdx'
  | 'vmdk'
  | 'vpc'
  | 'vvfat';

/** Variant `file` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsFile {
  filename: string;
  'pr-manager'?: string | undefined;
  locking?: BlockdevAddArgumentsFileLocking | undefined;
  aio?: BlockdevAddArgumentsFileAio | undefined;
  'aio-max-batch'?: Int | undefined;
  'drop-cache'?: boolean | undefined;
  /** @experimental unstable */
  'x-check-cache-dropped'?: boolean | undefined;
}

/** `aio` in the variant `file` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsFileAio = 'threads' | 'native' | 'io_uring';

/** `locking` in the variant `file` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsFileLocking = 'auto' | 'on' | 'off';

/** Variant `ftp` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsFtp {
  url: string;
  readahead?: Int | undefined;
  timeout?: Int | undefined;
  username?: string | undefined;
  'password-secret'?: string | undefined;
  'proxy-username'?: string | undefined;
  'proxy-password-secret'?: string | undefined;
}

/** Variant `ftps` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsFtps {
  url: string;
  readahead?: Int | undefined;
  timeout?: Int | undefined;
  username?: string | undefined;
  'password-secret'?: string | undefined;
  'proxy-username'?: string | undefined;
  'proxy-password-secret'?: string | undefined;
  sslverify?: boolean | undefined;
}

/** Variant `gluster` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsGluster {
  volume: string;
  path: string;
  server: readonly NetdevAddArgumentsDgramLocal[];
  debug?: Int | undefined;
  logfile?: string | undefined;
}

/** Variant `http` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsHttp {
  url: string;
  readahead?: Int | undefined;
  timeout?: Int | undefined;
  username?: string | undefined;
  'password-secret'?: string | undefined;
  'proxy-username'?: string | undefined;
  'proxy-password-secret'?: string | undefined;
  cookie?: string | undefined;
  'cookie-secret'?: string | undefined;
}

/** Variant `https` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsHttps {
  url: string;
  readahead?: Int | undefined;
  timeout?: Int | undefined;
  username?: string | undefined;
  'password-secret'?: string | undefined;
  'proxy-username'?: string | undefined;
  'proxy-password-secret'?: string | undefined;
  cookie?: string | undefined;
  sslverify?: boolean | undefined;
  'cookie-secret'?: string | undefined;
}

/** Variant `iscsi` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsIscsi {
  transport: BlockdevAddArgumentsIscsiTransport;
  portal: string;
  target: string;
  lun?: Int | undefined;
  user?: string | undefined;
  'password-secret'?: string | undefined;
  'initiator-name'?: string | undefined;
  'header-digest'?: BlockdevAddArgumentsIscsiHeaderDigest | undefined;
  timeout?: Int | undefined;
}

/** `header-digest` in the variant `iscsi` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsIscsiHeaderDigest =
  'crc32c' | 'none' | 'crc32c-none' | 'none-crc32c';

/** `transport` in the variant `iscsi` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsIscsiTransport = 'tcp' | 'iser';

/** Variant `luks` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsLuks {
  file: BlockdevAddArgumentsDmgFile;
  'key-secret'?: string | undefined;
}

/** Variant `nbd` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsNbd {
  server: NetdevAddArgumentsDgramLocal;
  export?: string | undefined;
  'tls-creds'?: string | undefined;
  'tls-hostname'?: string | undefined;
  /** @experimental unstable */
  'x-dirty-bitmap'?: string | undefined;
  'reconnect-delay'?: Int | undefined;
  'open-timeout'?: Int | undefined;
}

/** Variant `nfs` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsNfs {
  server: BlockdevAddArgumentsNfsServer;
  path: string;
  user?: Int | undefined;
  group?: Int | undefined;
  'tcp-syn-count'?: Int | undefined;
  'readahead-size'?: Int | undefined;
  'page-cache-size'?: Int | undefined;
  debug?: Int | undefined;
}

/** `server` in the variant `nfs` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsNfsServer {
  type: BlockdevAddArgumentsNfsServerType;
  host: string;
}

/** `type` in the `server` in the variant `nfs` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsNfsServerType = 'inet';

/** Variant `null-co` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsNullCo {
  size?: Int | undefined;
  'latency-ns'?: Int | undefined;
  'read-zeroes'?: boolean | undefined;
}

/** Variant `nvme` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsNvme {
  device: string;
  namespace: Int;
}

/** Variant `preallocate` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsPreallocate {
  file: BlockdevAddArgumentsDmgFile;
  'prealloc-align'?: Int | undefined;
  'prealloc-size'?: Int | undefined;
}

/** Variant `qcow` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsQcow {
  file: BlockdevAddArgumentsDmgFile;
  backing?: BlockdevAddArgumentsQedBacking | undefined;
  encrypt?: BlockdevAddArgumentsQcowEncrypt | undefined;
}

/** Variant `qcow2` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsQcow2 {
  file: BlockdevAddArgumentsDmgFile;
  backing?: BlockdevAddArgumentsQedBacking | undefined;
  'lazy-refcounts'?: boolean | undefined;
  'pass-discard-request'?: boolean | undefined;
  'pass-discard-snapshot'?: boolean | undefined;
  'pass-discard-other'?: boolean | undefined;
  'overlap-check'?: BlockdevAddArgumentsQcow2OverlapCheck | undefined;
  'cache-size'?: Int | undefined;
  'l2-cache-size'?: Int | undefined;
  'l2-cache-entry-size'?: Int | undefined;
  'refcount-cache-size'?: Int | undefined;
  'cache-clean-interval'?: Int | undefined;
  encrypt?: BlockdevAddArgumentsQcow2Encrypt | undefined;
  'data-file'?: BlockdevAddArgumentsDmgFile | undefined;
}

/** `encrypt` in the variant `qcow2` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsQcow2Encrypt =
  | ({ format: 'aes' } & BlockdevAddArgumentsQcowEncryptAes)
  | ({ format: 'luks' } & BlockdevAddArgumentsQcow2EncryptLuks);

/** `format` in the `encrypt` in the variant `qcow2` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsQcow2EncryptFormat = 'aes' | 'luks';

/** Variant `luks` of the `encrypt` in the variant `qcow2` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsQcow2EncryptLuks {
  'key-secret'?: string | undefined;
}

/** `overlap-check` in the variant `qcow2` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsQcow2OverlapCheck =
  BlockdevAddArgumentsQcow2OverlapCheckObject | BlockdevAddArgumentsQcow2OverlapCheckChoice;

/** `overlap-check` in the variant `qcow2` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsQcow2OverlapCheckChoice = 'none' | 'constant' | 'cached' | 'all';

/** `overlap-check` in the variant `qcow2` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsQcow2OverlapCheckObject {
  template?: BlockdevAddArgumentsQcow2OverlapCheckChoice | undefined;
  'main-header'?: boolean | undefined;
  'active-l1'?: boolean | undefined;
  'active-l2'?: boolean | undefined;
  'refcount-table'?: boolean | undefined;
  'refcount-block'?: boolean | undefined;
  'snapshot-table'?: boolean | undefined;
  'inactive-l1'?: boolean | undefined;
  'inactive-l2'?: boolean | undefined;
  'bitmap-directory'?: boolean | undefined;
}

/** `encrypt` in the variant `qcow` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsQcowEncrypt = {
  format: 'aes';
} & BlockdevAddArgumentsQcowEncryptAes;

/** Variant `aes` of the `encrypt` in the variant `qcow` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsQcowEncryptAes {
  'key-secret'?: string | undefined;
}

/** `format` in the `encrypt` in the variant `qcow` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsQcowEncryptFormat = 'aes';

/** Variant `qed` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsQed {
  file: BlockdevAddArgumentsDmgFile;
  backing?: BlockdevAddArgumentsQedBacking | undefined;
}

/** `backing` in the variant `qed` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsQedBacking = BlockdevAddArguments | string | null;

/** Variant `quorum` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsQuorum {
  blkverify?: boolean | undefined;
  children: readonly BlockdevAddArgumentsDmgFile[];
  'vote-threshold': Int;
  'rewrite-corrupted'?: boolean | undefined;
  'read-pattern'?: BlockdevAddArgumentsQuorumReadPattern | undefined;
}

/** `read-pattern` in the variant `quorum` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsQuorumReadPattern = 'quorum' | 'fifo';

/** Variant `raw` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsRaw {
  file: BlockdevAddArgumentsDmgFile;
  offset?: Int | undefined;
  size?: Int | undefined;
}

/** Variant `rbd` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsRbd {
  pool: string;
  namespace?: string | undefined;
  image: string;
  conf?: string | undefined;
  snapshot?: string | undefined;
  encrypt?: BlockdevAddArgumentsRbdEncrypt | undefined;
  user?: string | undefined;
  'auth-client-required'?: readonly BlockdevAddArgumentsRbdAuthClientRequired[] | undefined;
  'key-secret'?: string | undefined;
  server?: readonly BlockdevAddArgumentsRbdServer[] | undefined;
}

/** `auth-client-required` in the variant `rbd` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsRbdAuthClientRequired = 'cephx' | 'none';

/** `encrypt` in the variant `rbd` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsRbdEncrypt =
  | ({ format: 'luks' } & BlockdevAddArgumentsRbdEncryptLuks)
  | ({ format: 'luks2' } & BlockdevAddArgumentsRbdEncryptLuks2);

/** `format` in the `encrypt` in the variant `rbd` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsRbdEncryptFormat = 'luks' | 'luks2';

/** Variant `luks` of the `encrypt` in the variant `rbd` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsRbdEncryptLuks {
  'key-secret': string;
}

/** Variant `luks2` of the `encrypt` in the variant `rbd` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsRbdEncryptLuks2 {
  'key-secret': string;
}

/** `server` in the variant `rbd` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsRbdServer {
  host: string;
  port: string;
}

/** Variant `replication` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsReplication {
  file: BlockdevAddArgumentsDmgFile;
  mode: BlockdevAddArgumentsReplicationMode;
  'top-id'?: string | undefined;
}

/** `mode` in the variant `replication` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsReplicationMode = 'primary' | 'secondary';

/** Variant `ssh` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsSsh {
  server: BlockdevAddArgumentsSshServer;
  path: string;
  user?: string | undefined;
  'host-key-check'?: BlockdevAddArgumentsSshHostKeyCheck | undefined;
}

/** `host-key-check` in the variant `ssh` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsSshHostKeyCheck =
  ({ mode: 'hash' } & BlockdevAddArgumentsSshHostKeyCheckHash) | { mode: 'none' | 'known_hosts' };

/** Variant `hash` of the `host-key-check` in the variant `ssh` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsSshHostKeyCheckHash {
  type: BlockdevAddArgumentsSshHostKeyCheckHashType;
  hash: string;
}

/** `type` in the variant `hash` of the `host-key-check` in the variant `ssh` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsSshHostKeyCheckHashType = 'md5' | 'sha1' | 'sha256';

/** `mode` in the `host-key-check` in the variant `ssh` of the arguments of `blockdev-add`. */
export type BlockdevAddArgumentsSshHostKeyCheckMode = 'none' | 'hash' | 'known_hosts';

/** `server` in the variant `ssh` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsSshServer {
  host: string;
  port: string;
  numeric?: boolean | undefined;
  to?: Int | undefined;
  ipv4?: boolean | undefined;
  ipv6?: boolean | undefined;
  'keep-alive'?: boolean | undefined;
  mptcp?: boolean | undefined;
}

/** Variant `throttle` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsThrottle {
  'throttle-group': string;
  file: BlockdevAddArgumentsDmgFile;
}

/** Variant `vvfat` of the arguments of `blockdev-add`. */
export interface BlockdevAddArgumentsVvfat {
  dir: string;
  'fat-type'?: Int | undefined;
  floppy?: boolean | undefined;
  label?: string | undefined;
  rw?: boolean | undefined;
}

/** Arguments of `blockdev-backup`. */
export interface BlockdevBackupArguments {
  'job-id'?: string | undefined;
  device: string;
  sync: DriveBackupArgumentsSync;
  speed?: Int | undefined;
  bitmap?: string | undefined;
  'bitmap-mode'?: DriveBackupArgumentsBitmapMode | undefined;
  compress?: boolean | undefined;
  'on-source-error'?: BlockCommitArgumentsOnError | undefined;
  'on-target-error'?: BlockCommitArgumentsOnError | undefined;
  'auto-finalize'?: boolean | undefined;
  'auto-dismiss'?: boolean | undefined;
  'filter-node-name'?: string | undefined;
  /** @experimental unstable */
  'x-perf'?: DriveBackupArgumentsXPerf | undefined;
  target: string;
}

/** Arguments of `blockdev-change-medium`. */
export interface BlockdevChangeMediumArguments {
  /** @deprecated */
  device?: string | undefined;
  id?: string | undefined;
  filename: string;
  format?: string | undefined;
  force?: boolean | undefined;
  'read-only-mode'?: BlockdevChangeMediumArgumentsReadOnlyMode | undefined;
}

/** `read-only-mode` in the arguments of `blockdev-change-medium`. */
export type BlockdevChangeMediumArgumentsReadOnlyMode = 'retain' | 'read-only' | 'read-write';

/** Arguments of `blockdev-close-tray`. */
export interface BlockdevCloseTrayArguments {
  /** @deprecated */
  device?: string | undefined;
  id?: string | undefined;
}

/** Arguments of `blockdev-create`. */
export interface BlockdevCreateArguments {
  'job-id': string;
  options: BlockdevCreateArgumentsOptions;
}

/** `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptions =
  | ({ driver: 'file' } & BlockdevCreateArgumentsOptionsFile)
  | ({ driver: 'gluster' } & BlockdevCreateArgumentsOptionsGluster)
  | ({ driver: 'luks' } & BlockdevCreateArgumentsOptionsLuks)
  | ({ driver: 'nfs' } & BlockdevCreateArgumentsOptionsNfs)
  | ({ driver: 'parallels' } & BlockdevCreateArgumentsOptionsParallels)
  | ({ driver: 'qcow' } & BlockdevCreateArgumentsOptionsQcow)
  | ({ driver: 'qcow2' } & BlockdevCreateArgumentsOptionsQcow2)
  | ({ driver: 'qed' } & BlockdevCreateArgumentsOptionsQed)
  | ({ driver: 'rbd' } & BlockdevCreateArgumentsOptionsRbd)
  | ({ driver: 'ssh' } & BlockdevCreateArgumentsOptionsSsh)
  | ({ driver: 'vdi' } & BlockdevCreateArgumentsOptionsVdi)
  | ({ driver: 'vhdx' } & BlockdevCreateArgumentsOptionsVhdx)
  | ({ driver: 'vmdk' } & BlockdevCreateArgumentsOptionsVmdk)
  | ({ driver: 'vpc' } & BlockdevCreateArgumentsOptionsVpc)
  | {
      driver:
        | 'blkdebug'
        | 'blklogwrites'
        | 'blkreplay'
        | 'blkverify'
        | 'bochs'
        | 'cloop'
        | 'compress'
        | 'copy-before-write'
        | 'copy-on-read'
        | 'dmg'
        | 'snapshot-access'
        | 'ftp'
        | 'ftps'
        | 'host_cdrom'
        | 'host_device'
        | 'http'
        | 'https'
        | 'iscsi'
        | 'nbd'
        | 'null-aio'
        | 'null-co'
        | 'nvme'
        | 'preallocate'
        | 'quorum'
        | 'raw'
        | 'replication'
        | 'throttle'
        | 'vvfat';
    };

/** Variant `file` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsFile {
  filename: string;
  size: Int;
  preallocation?: BlockdevCreateArgumentsOptionsVdiPreallocation | undefined;
  nocow?: boolean | undefined;
  'extent-size-hint'?: Int | undefined;
}

/** Variant `gluster` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsGluster {
  location: BlockdevAddArgumentsGluster;
  size: Int;
  preallocation?: BlockdevCreateArgumentsOptionsVdiPreallocation | undefined;
}

/** Variant `luks` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsLuks {
  'key-secret'?: string | undefined;
  'cipher-alg'?: BlockdevCreateArgumentsOptionsLuksCipherAlg | undefined;
  'cipher-mode'?: BlockdevCreateArgumentsOptionsLuksCipherMode | undefined;
  'ivgen-alg'?: BlockdevCreateArgumentsOptionsLuksIvgenAlg | undefined;
  'ivgen-hash-alg'?: BlockdevCreateArgumentsOptionsLuksHashAlg | undefined;
  'hash-alg'?: BlockdevCreateArgumentsOptionsLuksHashAlg | undefined;
  'iter-time'?: Int | undefined;
  file: BlockdevAddArgumentsDmgFile;
  size: Int;
  preallocation?: BlockdevCreateArgumentsOptionsVdiPreallocation | undefined;
}

/** `cipher-alg` in the variant `luks` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsLuksCipherAlg =
  | 'aes-128'
  | 'aes-192'
  | 'aes-256'
  | 'des'
  | '3des'
  | 'cast5-128'
  | 'serpent-128'
  | 'serpent-192'
  | 'serpent-256'
  | 'twofish-128'
  | 'twofish-192'
  | 'twofish-256';

/** `cipher-mode` in the variant `luks` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsLuksCipherMode = 'ecb' | 'cbc' | 'xts' | 'ctr';

/** `hash-alg` in the variant `luks` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsLuksHashAlg =
  'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512' | 'ripemd160';

/** `ivgen-alg` in the variant `luks` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsLuksIvgenAlg = 'plain' | 'plain64' | 'essiv';

/** Variant `nfs` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsNfs {
  location: BlockdevAddArgumentsNfs;
  size: Int;
}

/** Variant `parallels` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsParallels {
  file: BlockdevAddArgumentsDmgFile;
  size: Int;
  'cluster-size'?: Int | undefined;
}

/** Variant `qcow` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsQcow {
  file: BlockdevAddArgumentsDmgFile;
  size: Int;
  'backing-file'?: string | undefined;
  encrypt?: BlockdevCreateArgumentsOptionsQcowEncrypt | undefined;
}

/** Variant `qcow2` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsQcow2 {
  file: BlockdevAddArgumentsDmgFile;
  'data-file'?: BlockdevAddArgumentsDmgFile | undefined;
  'data-file-raw'?: boolean | undefined;
  'extended-l2'?: boolean | undefined;
  size: Int;
  version?: BlockdevCreateArgumentsOptionsQcow2Version | undefined;
  'backing-file'?: string | undefined;
  'backing-fmt'?: BlockdevAddArgumentsDriver | undefined;
  encrypt?: BlockdevCreateArgumentsOptionsQcowEncrypt | undefined;
  'cluster-size'?: Int | undefined;
  preallocation?: BlockdevCreateArgumentsOptionsVdiPreallocation | undefined;
  'lazy-refcounts'?: boolean | undefined;
  'refcount-bits'?: Int | undefined;
  'compression-type'?: BlockdevCreateArgumentsOptionsQcow2CompressionType | undefined;
}

/** `compression-type` in the variant `qcow2` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsQcow2CompressionType = 'zlib' | 'zstd';

/** `version` in the variant `qcow2` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsQcow2Version = 'v2' | 'v3';

/** `encrypt` in the variant `qcow` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsQcowEncrypt =
  | ({ format: 'qcow' } & BlockdevAddArgumentsQcowEncryptAes)
  | ({ format: 'luks' } & BlockdevCreateArgumentsOptionsQcowEncryptLuks);

/** `format` in the `encrypt` in the variant `qcow` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsQcowEncryptFormat = 'qcow' | 'luks';

/** Variant `luks` of the `encrypt` in the variant `qcow` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsQcowEncryptLuks {
  'key-secret'?: string | undefined;
  'cipher-alg'?: BlockdevCreateArgumentsOptionsLuksCipherAlg | undefined;
  'cipher-mode'?: BlockdevCreateArgumentsOptionsLuksCipherMode | undefined;
  'ivgen-alg'?: BlockdevCreateArgumentsOptionsLuksIvgenAlg | undefined;
  'ivgen-hash-alg'?: BlockdevCreateArgumentsOptionsLuksHashAlg | undefined;
  'hash-alg'?: BlockdevCreateArgumentsOptionsLuksHashAlg | undefined;
  'iter-time'?: Int | undefined;
}

/** Variant `qed` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsQed {
  file: BlockdevAddArgumentsDmgFile;
  size: Int;
  'backing-file'?: string | undefined;
  'backing-fmt'?: BlockdevAddArgumentsDriver | undefined;
  'cluster-size'?: Int | undefined;
  'table-size'?: Int | undefined;
}

/** Variant `rbd` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsRbd {
  location: BlockdevAddArgumentsRbd;
  size: Int;
  'cluster-size'?: Int | undefined;
  encrypt?: BlockdevCreateArgumentsOptionsRbdEncrypt | undefined;
}

/** `encrypt` in the variant `rbd` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsRbdEncrypt =
  | ({ format: 'luks' } & BlockdevCreateArgumentsOptionsRbdEncryptLuks)
  | ({ format: 'luks2' } & BlockdevCreateArgumentsOptionsRbdEncryptLuks2);

/** Variant `luks` of the `encrypt` in the variant `rbd` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsRbdEncryptLuks {
  'key-secret': string;
  'cipher-alg'?: BlockdevCreateArgumentsOptionsLuksCipherAlg | undefined;
}

/** Variant `luks2` of the `encrypt` in the variant `rbd` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsRbdEncryptLuks2 {
  'key-secret': string;
  'cipher-alg'?: BlockdevCreateArgumentsOptionsLuksCipherAlg | undefined;
}

/** Variant `ssh` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsSsh {
  location: BlockdevAddArgumentsSsh;
  size: Int;
}

/** Variant `vdi` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsVdi {
  file: BlockdevAddArgumentsDmgFile;
  size: Int;
  preallocation?: BlockdevCreateArgumentsOptionsVdiPreallocation | undefined;
}

/** `preallocation` in the variant `vdi` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsVdiPreallocation = 'off' | 'metadata' | 'falloc' | 'full';

/** Variant `vhdx` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsVhdx {
  file: BlockdevAddArgumentsDmgFile;
  size: Int;
  'log-size'?: Int | undefined;
  'block-size'?: Int | undefined;
  subformat?: BlockdevCreateArgumentsOptionsVhdxSubformat | undefined;
  'block-state-zero'?: boolean | undefined;
}

/** `subformat` in the variant `vhdx` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsVhdxSubformat = 'dynamic' | 'fixed';

/** Variant `vmdk` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsVmdk {
  file: BlockdevAddArgumentsDmgFile;
  size: Int;
  extents?: readonly BlockdevAddArgumentsDmgFile[] | undefined;
  subformat?: BlockdevCreateArgumentsOptionsVmdkSubformat | undefined;
  'backing-file'?: string | undefined;
  'adapter-type'?: BlockdevCreateArgumentsOptionsVmdkAdapterType | undefined;
  hwversion?: string | undefined;
  toolsversion?: string | undefined;
  'zeroed-grain'?: boolean | undefined;
}

/** `adapter-type` in the variant `vmdk` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsVmdkAdapterType =
  'ide' | 'buslogic' | 'lsilogic' | 'legacyESX';

/** `subformat` in the variant `vmdk` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsVmdkSubformat =
  | 'monolithicSparse'
  | 'monolithicFlat'
  | 'twoGbMaxExtentSparse'
  | 'twoGbMaxExtentFlat'
  | 'streamOptimized';

/** Variant `vpc` of the `options` in the arguments of `blockdev-create`. */
export interface BlockdevCreateArgumentsOptionsVpc {
  file: BlockdevAddArgumentsDmgFile;
  size: Int;
  subformat?: BlockdevCreateArgumentsOptionsVpcSubformat | undefined;
  'force-size'?: boolean | undefined;
}

/** `subformat` in the variant `vpc` of the `options` in the arguments of `blockdev-create`. */
export type BlockdevCreateArgumentsOptionsVpcSubformat = 'dynamic' | 'fixed';

/** Arguments of `blockdev-del`. */
export interface BlockdevDelArguments {
  'node-name': string;
}

/** Arguments of `blockdev-insert-medium`. */
export interface BlockdevInsertMediumArguments {
  id: string;
  'node-name': string;
}

/** Arguments of `blockdev-mirror`. */
export interface BlockdevMirrorArguments {
  'job-id'?: string | undefined;
  device: string;
  target: string;
  replaces?: string | undefined;
  sync: DriveBackupArgumentsSync;
  speed?: Int | undefined;
  granularity?: Int | undefined;
  'buf-size'?: Int | undefined;
  'on-source-error'?: BlockCommitArgumentsOnError | undefined;
  'on-target-error'?: BlockCommitArgumentsOnError | undefined;
  'filter-node-name'?: string | undefined;
  'copy-mode'?: DriveMirrorArgumentsCopyMode | undefined;
  'auto-finalize'?: boolean | undefined;
  'auto-dismiss'?: boolean | undefined;
}

/** Arguments of `blockdev-open-tray`. */
export interface BlockdevOpenTrayArguments {
  /** @deprecated */
  device?: string | undefined;
  id?: string | undefined;
  force?: boolean | undefined;
}

/** Arguments of `blockdev-remove-medium`. */
export interface BlockdevRemoveMediumArguments {
  id: string;
}

/** Arguments of `blockdev-reopen`. */
export interface BlockdevReopenArguments {
  options: readonly BlockdevAddArguments[];
}

/** Arguments of `blockdev-snapshot`. */
export interface BlockdevSnapshotArguments {
  node: string;
  overlay: string;
}

/** Arguments of `blockdev-snapshot-delete-internal-sync`. */
export interface BlockdevSnapshotDeleteInternalSyncArguments {
  device: string;
  id?: string | undefined;
  name?: string | undefined;
}

/** Result of `blockdev-snapshot-delete-internal-sync`. */
export interface BlockdevSnapshotDeleteInternalSyncReturn {
  id: string;
  name: string;
  'vm-state-size': Int;
  'date-sec': Int;
  'date-nsec': Int;
  'vm-clock-sec': Int;
  'vm-clock-nsec': Int;
  icount?: Int | undefined;
}

/** Arguments of `blockdev-snapshot-internal-sync`. */
export interface BlockdevSnapshotInternalSyncArguments {
  device: string;
  name: string;
}

/** Arguments of `blockdev-snapshot-sync`. */
export interface BlockdevSnapshotSyncArguments {
  device?: string | undefined;
  'node-name'?: string | undefined;
  'snapshot-file': string;
  'snapshot-node-name'?: string | undefined;
  format?: string | undefined;
  mode?: DriveBackupArgumentsMode | undefined;
}

/** Arguments of `calc-dirty-rate`. */
export interface CalcDirtyRateArguments {
  'calc-time': Int;
  'sample-pages'?: Int | undefined;
  mode?: QueryDirtyRateReturnMode | undefined;
}

/** Arguments of `cancel-vcpu-dirty-limit`. */
export interface CancelVcpuDirtyLimitArguments {
  'cpu-index'?: Int | undefined;
}

/** Arguments of `change-backing-file`. */
export interface ChangeBackingFileArguments {
  device: string;
  'image-node-name': string;
  'backing-file': string;
}

/** Arguments of `change-vnc-password`. */
export interface ChangeVncPasswordArguments {
  password: string;
}

/** Arguments of `chardev-add`. */
export interface ChardevAddArguments {
  id: string;
  backend: ChardevAddArgumentsBackend;
}

/** `backend` in the arguments of `chardev-add`. */
export type ChardevAddArgumentsBackend =
  | ({ type: 'file' } & ChardevAddArgumentsBackendFile)
  | ({ type: 'serial' } & ChardevAddArgumentsBackendPipe)
  | ({ type: 'parallel' } & ChardevAddArgumentsBackendPipe)
  | ({ type: 'pipe' } & ChardevAddArgumentsBackendPipe)
  | ({ type: 'socket' } & ChardevAddArgumentsBackendSocket)
  | ({ type: 'udp' } & ChardevAddArgumentsBackendUdp)
  | ({ type: 'pty' } & ChardevAddArgumentsBackendPty)
  | ({ type: 'null' } & ChardevAddArgumentsBackendPty)
  | ({ type: 'mux' } & ChardevAddArgumentsBackendMux)
  | ({ type: 'msmouse' } & ChardevAddArgumentsBackendPty)
  | ({ type: 'wctablet' } & ChardevAddArgumentsBackendPty)
  | ({ type: 'braille' } & ChardevAddArgumentsBackendPty)
  | ({ type: 'testdev' } & ChardevAddArgumentsBackendPty)
  | ({ type: 'stdio' } & ChardevAddArgumentsBackendStdio)
  | ({ type: 'console' } & ChardevAddArgumentsBackendPty)
  | ({ type: 'spicevmc' } & ChardevAddArgumentsBackendSpicevmc)
  | ({ type: 'spiceport' } & ChardevAddArgumentsBackendSpiceport)
  | ({ type: 'qemu-vdagent' } & ChardevAddArgumentsBackendQemuVdagent)
  | ({ type: 'dbus' } & ChardevAddArgumentsBackendDbus)
  | ({ type: 'vc' } & ChardevAddArgumentsBackendVc)
  | ({ type: 'ringbuf' } & ChardevAddArgumentsBackendMemory)
  | ({ type: 'memory' } & ChardevAddArgumentsBackendMemory);

/** Variant `dbus` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendDbus {
  data: ChardevAddArgumentsBackendDbusData;
}

/** `data` in the variant `dbus` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendDbusData {
  logfile?: string | undefined;
  logappend?: boolean | undefined;
  name: string;
}

/** Variant `file` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendFile {
  data: ChardevAddArgumentsBackendFileData;
}

/** `data` in the variant `file` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendFileData {
  logfile?: string | undefined;
  logappend?: boolean | undefined;
  in?: string | undefined;
  out: string;
  append?: boolean | undefined;
}

/** Variant `memory` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendMemory {
  data: ChardevAddArgumentsBackendMemoryData;
}

/** `data` in the variant `memory` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendMemoryData {
  logfile?: string | undefined;
  logappend?: boolean | undefined;
  size?: Int | undefined;
}

/** Variant `mux` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendMux {
  data: ChardevAddArgumentsBackendMuxData;
}

/** `data` in the variant `mux` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendMuxData {
  logfile?: string | undefined;
  logappend?: boolean | undefined;
  chardev: string;
}

/** Variant `pipe` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendPipe {
  data: ChardevAddArgumentsBackendPipeData;
}

/** `data` in the variant `pipe` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendPipeData {
  logfile?: string | undefined;
  logappend?: boolean | undefined;
  device: string;
}

/** Variant `pty` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendPty {
  data: ChardevAddArgumentsBackendPtyData;
}

/** `data` in the variant `pty` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendPtyData {
  logfile?: string | undefined;
  logappend?: boolean | undefined;
}

/** Variant `qemu-vdagent` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendQemuVdagent {
  data: ChardevAddArgumentsBackendQemuVdagentData;
}

/** `data` in the variant `qemu-vdagent` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendQemuVdagentData {
  logfile?: string | undefined;
  logappend?: boolean | undefined;
  mouse?: boolean | undefined;
  clipboard?: boolean | undefined;
}

/** Variant `socket` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendSocket {
  data: ChardevAddArgumentsBackendSocketData;
}

/** `data` in the variant `socket` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendSocketData {
  logfile?: string | undefined;
  logappend?: boolean | undefined;
  addr: NbdServerStartArgumentsAddr;
  'tls-creds'?: string | undefined;
  'tls-authz'?: string | undefined;
  server?: boolean | undefined;
  wait?: boolean | undefined;
  nodelay?: boolean | undefined;
  telnet?: boolean | undefined;
  tn3270?: boolean | undefined;
  websocket?: boolean | undefined;
  reconnect?: Int | undefined;
}

/** Variant `spiceport` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendSpiceport {
  data: ChardevAddArgumentsBackendSpiceportData;
}

/** `data` in the variant `spiceport` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendSpiceportData {
  logfile?: string | undefined;
  logappend?: boolean | undefined;
  fqdn: string;
}

/** Variant `spicevmc` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendSpicevmc {
  data: ChardevAddArgumentsBackendSpicevmcData;
}

/** `data` in the variant `spicevmc` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendSpicevmcData {
  logfile?: string | undefined;
  logappend?: boolean | undefined;
  type: string;
}

/** Variant `stdio` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendStdio {
  data: ChardevAddArgumentsBackendStdioData;
}

/** `data` in the variant `stdio` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendStdioData {
  logfile?: string | undefined;
  logappend?: boolean | undefined;
  signal?: boolean | undefined;
}

/** `type` in the `backend` in the arguments of `chardev-add`. */
export type ChardevAddArgumentsBackendType =
  | 'file'
  | 'serial'
  | 'parallel'
  | 'pipe'
  | 'socket'
  | 'udp'
  | 'pty'
  | 'null'
  | 'mux'
  | 'msmouse'
  | 'wctablet'
  | 'braille'
  | 'testdev'
  | 'stdio'
  | 'console'
  | 'spicevmc'
  | 'spiceport'
  | 'qemu-vdagent'
  | 'dbus'
  | 'vc'
  | 'ringbuf'
  | 'memory';

/** Variant `udp` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendUdp {
  data: ChardevAddArgumentsBackendUdpData;
}

/** `data` in the variant `udp` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendUdpData {
  logfile?: string | undefined;
  logappend?: boolean | undefined;
  remote: NbdServerStartArgumentsAddr;
  local?: NbdServerStartArgumentsAddr | undefined;
}

/** Variant `vc` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendVc {
  data: ChardevAddArgumentsBackendVcData;
}

/** `data` in the variant `vc` of the `backend` in the arguments of `chardev-add`. */
export interface ChardevAddArgumentsBackendVcData {
  logfile?: string | undefined;
  logappend?: boolean | undefined;
  width?: Int | undefined;
  height?: Int | undefined;
  cols?: Int | undefined;
  rows?: Int | undefined;
}

/** Result of `chardev-add`. */
export interface ChardevAddReturn {
  pty?: string | undefined;
}

/** Arguments of `chardev-change`. */
export interface ChardevChangeArguments {
  id: string;
  backend: ChardevAddArgumentsBackend;
}

/** Arguments of `chardev-remove`. */
export interface ChardevRemoveArguments {
  id: string;
}

/** Arguments of `chardev-send-break`. */
export interface ChardevSendBreakArguments {
  id: string;
}

/** Arguments of `client_migrate_info`. */
export interface ClientMigrateInfoArguments {
  protocol: string;
  hostname: string;
  port?: Int | undefined;
  'tls-port'?: Int | undefined;
  'cert-subject'?: string | undefined;
}

/** Arguments of `closefd`. */
export interface ClosefdArguments {
  fdname: string;
}

/** Data of the event `COLO_EXIT`. */
export interface ColoExitEvent {
  mode: ColoExitEventMode;
  reason: ColoExitEventReason;
}

/** `mode` in the data of the event `COLO_EXIT`. */
export type ColoExitEventMode = 'none' | 'primary' | 'secondary';

/** `reason` in the data of the event `COLO_EXIT`. */
export type ColoExitEventReason = 'none' | 'request' | 'error' | 'processing';

/** Arguments of `device_add`. */
export interface DeviceAddArguments {
  driver: string;
  bus?: string | undefined;
  id?: string | undefined;
}

/** Arguments of `device_del`. */
export interface DeviceDelArguments {
  id: string;
}

/** Data of the event `DEVICE_DELETED`. */
export interface DeviceDeletedEvent {
  device?: string | undefined;
  path: string;
}

/** Arguments of `device-list-properties`. */
export interface DeviceListPropertiesArguments {
  typename: string;
}

/** Data of the event `DEVICE_TRAY_MOVED`. */
export interface DeviceTrayMovedEvent {
  device: string;
  id: string;
  'tray-open': boolean;
}

/** Data of the event `DEVICE_UNPLUG_GUEST_ERROR`. */
export interface DeviceUnplugGuestErrorEvent {
  device?: string | undefined;
  path: string;
}

/** Arguments of `display-reload`. */
export type DisplayReloadArguments = { type: 'vnc' } & DisplayReloadArgumentsVnc;

/** `type` in the arguments of `display-reload`. */
export type DisplayReloadArgumentsType = 'vnc';

/** Variant `vnc` of the arguments of `display-reload`. */
export interface DisplayReloadArgumentsVnc {
  'tls-certs'?: boolean | undefined;
}

/** Arguments of `display-update`. */
export type DisplayUpdateArguments = { type: 'vnc' } & DisplayUpdateArgumentsVnc;

/** `type` in the arguments of `display-update`. */
export type DisplayUpdateArgumentsType = 'vnc';

/** Variant `vnc` of the arguments of `display-update`. */
export interface DisplayUpdateArgumentsVnc {
  addresses?: readonly NetdevAddArgumentsDgramLocal[] | undefined;
}

/** Arguments of `drive-backup`. */
export interface DriveBackupArguments {
  'job-id'?: string | undefined;
  device: string;
  sync: DriveBackupArgumentsSync;
  speed?: Int | undefined;
  bitmap?: string | undefined;
  'bitmap-mode'?: DriveBackupArgumentsBitmapMode | undefined;
  compress?: boolean | undefined;
  'on-source-error'?: BlockCommitArgumentsOnError | undefined;
  'on-target-error'?: BlockCommitArgumentsOnError | undefined;
  'auto-finalize'?: boolean | undefined;
  'auto-dismiss'?: boolean | undefined;
  'filter-node-name'?: string | undefined;
  /** @experimental unstable */
  'x-perf'?: DriveBackupArgumentsXPerf | undefined;
  target: string;
  format?: string | undefined;
  mode?: DriveBackupArgumentsMode | undefined;
}

/** `bitmap-mode` in the arguments of `drive-backup`. */
export type DriveBackupArgumentsBitmapMode = 'on-success' | 'never' | 'always';

/** `mode` in the arguments of `drive-backup`. */
export type DriveBackupArgumentsMode = 'existing' | 'absolute-paths';

/** `sync` in the arguments of `drive-backup`. */
export type DriveBackupArgumentsSync = 'top' | 'full' | 'none' | 'incremental' | 'bitmap';

/** `x-perf` in the arguments of `drive-backup`. */
export interface DriveBackupArgumentsXPerf {
  'use-copy-range'?: boolean | undefined;
  'max-workers'?: Int | undefined;
  'max-chunk'?: Int | undefined;
}

/** Arguments of `drive-mirror`. */
export interface DriveMirrorArguments {
  'job-id'?: string | undefined;
  device: string;
  target: string;
  format?: string | undefined;
  'node-name'?: string | undefined;
  replaces?: string | undefined;
  sync: DriveBackupArgumentsSync;
  mode?: DriveBackupArgumentsMode | undefined;
  speed?: Int | undefined;
  granularity?: Int | undefined;
  'buf-size'?: Int | undefined;
  'on-source-error'?: BlockCommitArgumentsOnError | undefined;
  'on-target-error'?: BlockCommitArgumentsOnError | undefined;
  unmap?: boolean | undefined;
  'copy-mode'?: DriveMirrorArgumentsCopyMode | undefined;
  'auto-finalize'?: boolean | undefined;
  'auto-dismiss'?: boolean | undefined;
}

/** `copy-mode` in the arguments of `drive-mirror`. */
export type DriveMirrorArgumentsCopyMode = 'background' | 'write-blocking';

/** Data of the event `DUMP_COMPLETED`. */
export interface DumpCompletedEvent {
  result: QueryDumpReturn;
  error?: string | undefined;
}

/** Arguments of `dump-guest-memory`. */
export interface DumpGuestMemoryArguments {
  paging: boolean;
  protocol: string;
  detach?: boolean | undefined;
  begin?: Int | undefined;
  length?: Int | undefined;
  format?: DumpGuestMemoryArgumentsFormat | undefined;
}

/** `format` in the arguments of `dump-guest-memory`. */
export type DumpGuestMemoryArgumentsFormat =
  'elf' | 'kdump-zlib' | 'kdump-lzo' | 'kdump-snappy' | 'win-dmp';

/** Arguments of `dumpdtb`. */
export interface DumpdtbArguments {
  filename: string;
}

/** Arguments of `eject`. */
export interface EjectArguments {
  /** @deprecated */
  device?: string | undefined;
  id?: string | undefined;
  force?: boolean | undefined;
}

/** Arguments of `expire_password`. */
export type ExpirePasswordArguments = {
  time: string;
} & (({ protocol: 'vnc' } & ExpirePasswordArgumentsVnc) | { protocol: 'spice' });

/** Variant `vnc` of the arguments of `expire_password`. */
export interface ExpirePasswordArgumentsVnc {
  display?: string | undefined;
}

/** Data of the event `FAILOVER_NEGOTIATED`. */
export interface FailoverNegotiatedEvent {
  'device-id': string;
}

/** Arguments of `getfd`. */
export interface GetfdArguments {
  fdname: string;
}

/** Data of the event `GUEST_CRASHLOADED`. */
export interface GuestCrashloadedEvent {
  action: GuestPanickedEventAction;
  info?: GuestPanickedEventInfo | undefined;
}

/** Data of the event `GUEST_PANICKED`. */
export interface GuestPanickedEvent {
  action: GuestPanickedEventAction;
  info?: GuestPanickedEventInfo | undefined;
}

/** `action` in the data of the event `GUEST_PANICKED`. */
export type GuestPanickedEventAction = 'pause' | 'poweroff' | 'run';

/** `info` in the data of the event `GUEST_PANICKED`. */
export type GuestPanickedEventInfo =
  | ({ type: 'hyper-v' } & GuestPanickedEventInfoHyperV)
  | ({ type: 's390' } & GuestPanickedEventInfoS390);

/** Variant `hyper-v` of the `info` in the data of the event `GUEST_PANICKED`. */
export interface GuestPanickedEventInfoHyperV {
  arg1: Int;
  arg2: Int;
  arg3: Int;
  arg4: Int;
  arg5: Int;
}

/** Variant `s390` of the `info` in the data of the event `GUEST_PANICKED`. */
export interface GuestPanickedEventInfoS390 {
  core: Int;
  'psw-mask': Int;
  'psw-addr': Int;
  reason: GuestPanickedEventInfoS390Reason;
}

/** `reason` in the variant `s390` of the `info` in the data of the event `GUEST_PANICKED`. */
export type GuestPanickedEventInfoS390Reason =
  'unknown' | 'disabled-wait' | 'extint-loop' | 'pgmint-loop' | 'opint-loop';

/** `type` in the `info` in the data of the event `GUEST_PANICKED`. */
export type GuestPanickedEventInfoType = 'hyper-v' | 's390';

/** Arguments of `human-monitor-command`. */
export interface HumanMonitorCommandArguments {
  'command-line': string;
  'cpu-index'?: Int | undefined;
}

/** Arguments of `input-send-event`. */
export interface InputSendEventArguments {
  device?: string | undefined;
  head?: Int | undefined;
  events: readonly InputSendEventArgumentsEvents[];
}

/** `events` in the arguments of `input-send-event`. */
export type InputSendEventArgumentsEvents =
  | ({ type: 'key' } & InputSendEventArgumentsEventsKey)
  | ({ type: 'btn' } & InputSendEventArgumentsEventsBtn)
  | ({ type: 'rel' } & InputSendEventArgumentsEventsAbs)
  | ({ type: 'abs' } & InputSendEventArgumentsEventsAbs);

/** Variant `abs` of the `events` in the arguments of `input-send-event`. */
export interface InputSendEventArgumentsEventsAbs {
  data: InputSendEventArgumentsEventsAbsData;
}

/** `data` in the variant `abs` of the `events` in the arguments of `input-send-event`. */
export interface InputSendEventArgumentsEventsAbsData {
  axis: InputSendEventArgumentsEventsAbsDataAxis;
  value: Int;
}

/** `axis` in the `data` in the variant `abs` of the `events` in the arguments of `input-send-event`. */
export type InputSendEventArgumentsEventsAbsDataAxis = 'x' | 'y';

/** Variant `btn` of the `events` in the arguments of `input-send-event`. */
export interface InputSendEventArgumentsEventsBtn {
  data: InputSendEventArgumentsEventsBtnData;
}

/** `data` in the variant `btn` of the `events` in the arguments of `input-send-event`. */
export interface InputSendEventArgumentsEventsBtnData {
  button: InputSendEventArgumentsEventsBtnDataButton;
  down: boolean;
}

/** `button` in the `data` in the variant `btn` of the `events` in the arguments of `input-send-event`. */
export type InputSendEventArgumentsEventsBtnDataButton =
  | 'left'
  | 'middle'
  | 'right'
  | 'wheel-up'
  | 'wheel-down'
  | 'side'
  | 'extra'
  | 'wheel-left'
  | 'wheel-right';

/** Variant `key` of the `events` in the arguments of `input-send-event`. */
export interface InputSendEventArgumentsEventsKey {
  data: InputSendEventArgumentsEventsKeyData;
}

/** `data` in the variant `key` of the `events` in the arguments of `input-send-event`. */
export interface InputSendEventArgumentsEventsKeyData {
  key: SendKeyArgumentsKeys;
  down: boolean;
}

/** `type` in the `events` in the arguments of `input-send-event`. */
export type InputSendEventArgumentsEventsType = 'key' | 'btn' | 'rel' | 'abs';

/** Arguments of `job-cancel`. */
export interface JobCancelArguments {
  id: string;
}

/** Arguments of `job-complete`. */
export interface JobCompleteArguments {
  id: string;
}

/** Arguments of `job-dismiss`. */
export interface JobDismissArguments {
  id: string;
}

/** Arguments of `job-finalize`. */
export interface JobFinalizeArguments {
  id: string;
}

/** Arguments of `job-pause`. */
export interface JobPauseArguments {
  id: string;
}

/** Arguments of `job-resume`. */
export interface JobResumeArguments {
  id: string;
}

/** Data of the event `JOB_STATUS_CHANGE`. */
export interface JobStatusChangeEvent {
  id: string;
  status: QueryJobsReturnItemStatus;
}

/** Data of the event `MEM_UNPLUG_ERROR`. */
export interface MemUnplugErrorEvent {
  device: string;
  msg: string;
}

/** Data of the event `MEMORY_DEVICE_SIZE_CHANGE`. */
export interface MemoryDeviceSizeChangeEvent {
  id?: string | undefined;
  size: Int;
  'qom-path': string;
}

/** Data of the event `MEMORY_FAILURE`. */
export interface MemoryFailureEvent {
  recipient: MemoryFailureEventRecipient;
  action: MemoryFailureEventAction;
  flags: MemoryFailureEventFlags;
}

/** `action` in the data of the event `MEMORY_FAILURE`. */
export type MemoryFailureEventAction = 'ignore' | 'inject' | 'fatal' | 'reset';

/** `flags` in the data of the event `MEMORY_FAILURE`. */
export interface MemoryFailureEventFlags {
  'action-required': boolean;
  recursive: boolean;
}

/** `recipient` in the data of the event `MEMORY_FAILURE`. */
export type MemoryFailureEventRecipient = 'hypervisor' | 'guest';

/** Arguments of `memsave`. */
export interface MemsaveArguments {
  val: Int;
  size: Int;
  filename: string;
  'cpu-index'?: Int | undefined;
}

/** Arguments of `migrate`. */
export interface MigrateArguments {
  uri: string;
  blk?: boolean | undefined;
  inc?: boolean | undefined;
  detach?: boolean | undefined;
  resume?: boolean | undefined;
}

/** Arguments of `migrate-continue`. */
export interface MigrateContinueArguments {
  state: MigrationEventStatus;
}

/** Arguments of `migrate-incoming`. */
export interface MigrateIncomingArguments {
  uri: string;
}

/** Arguments of `migrate-recover`. */
export interface MigrateRecoverArguments {
  uri: string;
}

/** Arguments of `migrate-set-capabilities`. */
export interface MigrateSetCapabilitiesArguments {
  capabilities: readonly QueryMigrateCapabilitiesReturnItem[];
}

/** Arguments of `migrate-set-parameters`. */
export interface MigrateSetParametersArguments {
  'announce-initial'?: Int | undefined;
  'announce-max'?: Int | undefined;
  'announce-rounds'?: Int | undefined;
  'announce-step'?: Int | undefined;
  'compress-level'?: Int | undefined;
  'compress-threads'?: Int | undefined;
  'compress-wait-thread'?: boolean | undefined;
  'decompress-threads'?: Int | undefined;
  'throttle-trigger-threshold'?: Int | undefined;
  'cpu-throttle-initial'?: Int | undefined;
  'cpu-throttle-increment'?: Int | undefined;
  'cpu-throttle-tailslow'?: boolean | undefined;
  'tls-creds'?: MigrateSetParametersArgumentsTlsAuthz | undefined;
  'tls-hostname'?: MigrateSetParametersArgumentsTlsAuthz | undefined;
  'tls-authz'?: MigrateSetParametersArgumentsTlsAuthz | undefined;
  'max-bandwidth'?: Int | undefined;
  'downtime-limit'?: Int | undefined;
  /** @experimental unstable */
  'x-checkpoint-delay'?: Int | undefined;
  'block-incremental'?: boolean | undefined;
  'multifd-channels'?: Int | undefined;
  'xbzrle-cache-size'?: Int | undefined;
  'max-postcopy-bandwidth'?: Int | undefined;
  'max-cpu-throttle'?: Int | undefined;
  'multifd-compression'?: QueryMigrateParametersReturnMultifdCompression | undefined;
  'multifd-zlib-level'?: Int | undefined;
  'multifd-zstd-level'?: Int | undefined;
  'block-bitmap-mapping'?: readonly QueryMigrateParametersReturnBlockBitmapMapping[] | undefined;
}

/** `tls-authz` in the arguments of `migrate-set-parameters`. */
export type MigrateSetParametersArgumentsTlsAuthz = string | null;

/** Data of the event `MIGRATION`. */
export interface MigrationEvent {
  status: MigrationEventStatus;
}

/** `status` in the data of the event `MIGRATION`. */
export type MigrationEventStatus =
  | 'none'
  | 'setup'
  | 'cancelling'
  | 'cancelled'
  | 'active'
  | 'postcopy-active'
  | 'postcopy-paused'
  | 'postcopy-recover'
  | 'completed'
  | 'failed'
  | 'colo'
  | 'pre-switchover'
  | 'device'
  | 'wait-unplug';

/** Data of the event `MIGRATION_PASS`. */
export interface MigrationPassEvent {
  pass: Int;
}

/** Arguments of `nbd-server-add`. */
export interface NbdServerAddArguments {
  name?: string | undefined;
  description?: string | undefined;
  device: string;
  writable?: boolean | undefined;
  bitmap?: string | undefined;
}

/** Arguments of `nbd-server-remove`. */
export interface NbdServerRemoveArguments {
  name: string;
  mode?: BlockExportDelArgumentsMode | undefined;
}

/** Arguments of `nbd-server-start`. */
export interface NbdServerStartArguments {
  addr: NbdServerStartArgumentsAddr;
  'tls-creds'?: string | undefined;
  'tls-authz'?: string | undefined;
  'max-connections'?: Int | undefined;
}

/** `addr` in the arguments of `nbd-server-start`. */
export type NbdServerStartArgumentsAddr =
  | ({ type: 'inet' } & NbdServerStartArgumentsAddrInet)
  | ({ type: 'unix' } & NbdServerStartArgumentsAddrUnix)
  | ({ type: 'vsock' } & NbdServerStartArgumentsAddrVsock)
  | ({ type: 'fd' } & NbdServerStartArgumentsAddrFd);

/** Variant `fd` of the `addr` in the arguments of `nbd-server-start`. */
export interface NbdServerStartArgumentsAddrFd {
  data: NetdevAddArgumentsUserHostfwd;
}

/** Variant `inet` of the `addr` in the arguments of `nbd-server-start`. */
export interface NbdServerStartArgumentsAddrInet {
  data: BlockdevAddArgumentsSshServer;
}

/** `type` in the `addr` in the arguments of `nbd-server-start`. */
export type NbdServerStartArgumentsAddrType = 'inet' | 'unix' | 'vsock' | 'fd';

/** Variant `unix` of the `addr` in the arguments of `nbd-server-start`. */
export interface NbdServerStartArgumentsAddrUnix {
  data: NetdevAddArgumentsDgramLocalUnix;
}

/** Variant `vsock` of the `addr` in the arguments of `nbd-server-start`. */
export interface NbdServerStartArgumentsAddrVsock {
  data: NetdevAddArgumentsDgramLocalVsock;
}

/** Arguments of `netdev_add`. */
export type NetdevAddArguments = {
  id: string;
} & (
  | ({ type: 'nic' } & NetdevAddArgumentsNic)
  | ({ type: 'user' } & NetdevAddArgumentsUser)
  | ({ type: 'tap' } & NetdevAddArgumentsTap)
  | ({ type: 'l2tpv3' } & NetdevAddArgumentsL2tpv3)
  | ({ type: 'socket' } & NetdevAddArgumentsSocket)
  | ({ type: 'stream' } & NetdevAddArgumentsStream)
  | ({ type: 'dgram' } & NetdevAddArgumentsDgram)
  | ({ type: 'vde' } & NetdevAddArgumentsVde)
  | ({ type: 'bridge' } & NetdevAddArgumentsBridge)
  | ({ type: 'hubport' } & NetdevAddArgumentsHubport)
  | ({ type: 'netmap' } & NetdevAddArgumentsNetmap)
  | ({ type: 'vhost-user' } & NetdevAddArgumentsVhostUser)
  | ({ type: 'vhost-vdpa' } & NetdevAddArgumentsVhostVdpa)
  | { type: 'none' }
);

/** Variant `bridge` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsBridge {
  br?: string | undefined;
  helper?: string | undefined;
}

/** Variant `dgram` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsDgram {
  local?: NetdevAddArgumentsDgramLocal | undefined;
  remote?: NetdevAddArgumentsDgramLocal | undefined;
}

/** `local` in the variant `dgram` of the arguments of `netdev_add`. */
export type NetdevAddArgumentsDgramLocal =
  | ({ type: 'inet' } & BlockdevAddArgumentsSshServer)
  | ({ type: 'unix' } & NetdevAddArgumentsDgramLocalUnix)
  | ({ type: 'vsock' } & NetdevAddArgumentsDgramLocalVsock)
  | ({ type: 'fd' } & NetdevAddArgumentsUserHostfwd);

/** Variant `unix` of the `local` in the variant `dgram` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsDgramLocalUnix {
  path: string;
  abstract?: boolean | undefined;
  tight?: boolean | undefined;
}

/** Variant `vsock` of the `local` in the variant `dgram` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsDgramLocalVsock {
  cid: string;
  port: string;
}

/** Variant `hubport` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsHubport {
  hubid: Int;
  netdev?: string | undefined;
}

/** Variant `l2tpv3` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsL2tpv3 {
  src: string;
  dst: string;
  srcport?: string | undefined;
  dstport?: string | undefined;
  ipv6?: boolean | undefined;
  udp?: boolean | undefined;
  cookie64?: boolean | undefined;
  counter?: boolean | undefined;
  pincounter?: boolean | undefined;
  txcookie?: Int | undefined;
  rxcookie?: Int | undefined;
  txsession: Int;
  rxsession?: Int | undefined;
  offset?: Int | undefined;
}

/** Variant `netmap` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsNetmap {
  ifname: string;
  devname?: string | undefined;
}

/** Variant `nic` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsNic {
  netdev?: string | undefined;
  macaddr?: string | undefined;
  model?: string | undefined;
  addr?: string | undefined;
  vectors?: Int | undefined;
}

/** Variant `socket` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsSocket {
  fd?: string | undefined;
  listen?: string | undefined;
  connect?: string | undefined;
  mcast?: string | undefined;
  localaddr?: string | undefined;
  udp?: string | undefined;
}

/** Variant `stream` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsStream {
  addr: NetdevAddArgumentsDgramLocal;
  server?: boolean | undefined;
}

/** Variant `tap` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsTap {
  ifname?: string | undefined;
  fd?: string | undefined;
  fds?: string | undefined;
  script?: string | undefined;
  downscript?: string | undefined;
  br?: string | undefined;
  helper?: string | undefined;
  sndbuf?: Int | undefined;
  vnet_hdr?: boolean | undefined;
  vhost?: boolean | undefined;
  vhostfd?: string | undefined;
  vhostfds?: string | undefined;
  vhostforce?: boolean | undefined;
  queues?: Int | undefined;
  'poll-us'?: Int | undefined;
}

/** `type` in the arguments of `netdev_add`. */
export type NetdevAddArgumentsType =
  | 'none'
  | 'nic'
  | 'user'
  | 'tap'
  | 'l2tpv3'
  | 'socket'
  | 'stream'
  | 'dgram'
  | 'vde'
  | 'bridge'
  | 'hubport'
  | 'netmap'
  | 'vhost-user'
  | 'vhost-vdpa';

/** Variant `user` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsUser {
  hostname?: string | undefined;
  restrict?: boolean | undefined;
  ipv4?: boolean | undefined;
  ipv6?: boolean | undefined;
  ip?: string | undefined;
  net?: string | undefined;
  host?: string | undefined;
  tftp?: string | undefined;
  bootfile?: string | undefined;
  dhcpstart?: string | undefined;
  dns?: string | undefined;
  dnssearch?: readonly NetdevAddArgumentsUserHostfwd[] | undefined;
  domainname?: string | undefined;
  'ipv6-prefix'?: string | undefined;
  'ipv6-prefixlen'?: Int | undefined;
  'ipv6-host'?: string | undefined;
  'ipv6-dns'?: string | undefined;
  smb?: string | undefined;
  smbserver?: string | undefined;
  hostfwd?: readonly NetdevAddArgumentsUserHostfwd[] | undefined;
  guestfwd?: readonly NetdevAddArgumentsUserHostfwd[] | undefined;
  'tftp-server-name'?: string | undefined;
}

/** `hostfwd` in the variant `user` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsUserHostfwd {
  str: string;
}

/** Variant `vde` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsVde {
  sock?: string | undefined;
  port?: Int | undefined;
  group?: string | undefined;
  mode?: Int | undefined;
}

/** Variant `vhost-user` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsVhostUser {
  chardev: string;
  vhostforce?: boolean | undefined;
  queues?: Int | undefined;
}

/** Variant `vhost-vdpa` of the arguments of `netdev_add`. */
export interface NetdevAddArgumentsVhostVdpa {
  vhostdev?: string | undefined;
  vhostfd?: string | undefined;
  queues?: Int | undefined;
  /** @experimental unstable */
  'x-svq'?: boolean | undefined;
}

/** Arguments of `netdev_del`. */
export interface NetdevDelArguments {
  id: string;
}

/** Data of the event `NETDEV_STREAM_CONNECTED`. */
export interface NetdevStreamConnectedEvent {
  'netdev-id': string;
  addr: NetdevAddArgumentsDgramLocal;
}

/** Data of the event `NETDEV_STREAM_DISCONNECTED`. */
export interface NetdevStreamDisconnectedEvent {
  'netdev-id': string;
}

/** Data of the event `NIC_RX_FILTER_CHANGED`. */
export interface NicRxFilterChangedEvent {
  name?: string | undefined;
  path: string;
}

/** Arguments of `object-add`. */
export type ObjectAddArguments = {
  id: string;
} & (
  | ({ 'qom-type': 'authz-list' } & ObjectAddArgumentsAuthzList)
  | ({ 'qom-type': 'authz-listfile' } & ObjectAddArgumentsAuthzListfile)
  | ({ 'qom-type': 'authz-pam' } & ObjectAddArgumentsAuthzPam)
  | ({ 'qom-type': 'authz-simple' } & ObjectAddArgumentsAuthzSimple)
  | ({ 'qom-type': 'can-host-socketcan' } & ObjectAddArgumentsCanHostSocketcan)
  | ({ 'qom-type': 'colo-compare' } & ObjectAddArgumentsColoCompare)
  | ({ 'qom-type': 'cryptodev-backend' } & ObjectAddArgumentsCryptodevBackend)
  | ({ 'qom-type': 'cryptodev-backend-builtin' } & ObjectAddArgumentsCryptodevBackend)
  | ({ 'qom-type': 'cryptodev-backend-lkcf' } & ObjectAddArgumentsCryptodevBackend)
  | ({ 'qom-type': 'cryptodev-vhost-user' } & ObjectAddArgumentsCryptodevVhostUser)
  | ({ 'qom-type': 'dbus-vmstate' } & ObjectAddArgumentsDbusVmstate)
  | ({ 'qom-type': 'filter-buffer' } & ObjectAddArgumentsFilterBuffer)
  | ({ 'qom-type': 'filter-dump' } & ObjectAddArgumentsFilterDump)
  | ({ 'qom-type': 'filter-mirror' } & ObjectAddArgumentsFilterMirror)
  | ({ 'qom-type': 'filter-redirector' } & ObjectAddArgumentsFilterRedirector)
  | ({ 'qom-type': 'filter-replay' } & ObjectAddArgumentsFilterReplay)
  | ({ 'qom-type': 'filter-rewriter' } & ObjectAddArgumentsFilterRewriter)
  | ({ 'qom-type': 'input-barrier' } & ObjectAddArgumentsInputBarrier)
  | ({ 'qom-type': 'input-linux' } & ObjectAddArgumentsInputLinux)
  | ({ 'qom-type': 'iothread' } & ObjectAddArgumentsIothread)
  | ({ 'qom-type': 'main-loop' } & ObjectAddArgumentsMainLoop)
  | ({ 'qom-type': 'memory-backend-epc' } & ObjectAddArgumentsMemoryBackendEpc)
  | ({ 'qom-type': 'memory-backend-file' } & ObjectAddArgumentsMemoryBackendFile)
  | ({ 'qom-type': 'memory-backend-memfd' } & ObjectAddArgumentsMemoryBackendMemfd)
  | ({ 'qom-type': 'memory-backend-ram' } & ObjectAddArgumentsMemoryBackendRam)
  | ({ 'qom-type': 'pr-manager-helper' } & ObjectAddArgumentsPrManagerHelper)
  | ({ 'qom-type': 'qtest' } & ObjectAddArgumentsQtest)
  | ({ 'qom-type': 'rng-builtin' } & ObjectAddArgumentsRngBuiltin)
  | ({ 'qom-type': 'rng-egd' } & ObjectAddArgumentsRngEgd)
  | ({ 'qom-type': 'rng-random' } & ObjectAddArgumentsRngRandom)
  | ({ 'qom-type': 'secret' } & ObjectAddArgumentsSecret)
  | ({ 'qom-type': 'secret_keyring' } & ObjectAddArgumentsSecretKeyring)
  | ({ 'qom-type': 'sev-guest' } & ObjectAddArgumentsSevGuest)
  | ({ 'qom-type': 'thread-context' } & ObjectAddArgumentsThreadContext)
  | ({ 'qom-type': 'throttle-group' } & ObjectAddArgumentsThrottleGroup)
  | ({ 'qom-type': 'tls-creds-anon' } & ObjectAddArgumentsTlsCredsAnon)
  | ({ 'qom-type': 'tls-creds-psk' } & ObjectAddArgumentsTlsCredsPsk)
  | ({ 'qom-type': 'tls-creds-x509' } & ObjectAddArgumentsTlsCredsX509)
  | ({ 'qom-type': 'tls-cipher-suites' } & ObjectAddArgumentsTlsCipherSuites)
  | ({ 'qom-type': 'x-remote-object' } & ObjectAddArgumentsXRemoteObject)
  | ({ 'qom-type': 'x-vfio-user-server' } & ObjectAddArgumentsXVfioUserServer)
  | { 'qom-type': 'can-bus' | 'pef-guest' | 's390-pv-guest' }
);

/** Variant `authz-list` of the arguments of `object-add`. */
export interface ObjectAddArgumentsAuthzList {
  policy?: ObjectAddArgumentsAuthzListPolicy | undefined;
  rules?: readonly ObjectAddArgumentsAuthzListRules[] | undefined;
}

/** `policy` in the variant `authz-list` of the arguments of `object-add`. */
export type ObjectAddArgumentsAuthzListPolicy = 'deny' | 'allow';

/** `rules` in the variant `authz-list` of the arguments of `object-add`. */
export interface ObjectAddArgumentsAuthzListRules {
  match: string;
  policy: ObjectAddArgumentsAuthzListPolicy;
  format?: ObjectAddArgumentsAuthzListRulesFormat | undefined;
}

/** `format` in the `rules` in the variant `authz-list` of the arguments of `object-add`. */
export type ObjectAddArgumentsAuthzListRulesFormat = 'exact' | 'glob';

/** Variant `authz-listfile` of the arguments of `object-add`. */
export interface ObjectAddArgumentsAuthzListfile {
  filename: string;
  refresh?: boolean | undefined;
}

/** Variant `authz-pam` of the arguments of `object-add`. */
export interface ObjectAddArgumentsAuthzPam {
  service: string;
}

/** Variant `authz-simple` of the arguments of `object-add`. */
export interface ObjectAddArgumentsAuthzSimple {
  identity: string;
}

/** Variant `can-host-socketcan` of the arguments of `object-add`. */
export interface ObjectAddArgumentsCanHostSocketcan {
  if: string;
  canbus: string;
}

/** Variant `colo-compare` of the arguments of `object-add`. */
export interface ObjectAddArgumentsColoCompare {
  primary_in: string;
  secondary_in: string;
  outdev: string;
  iothread: string;
  notify_dev?: string | undefined;
  compare_timeout?: Int | undefined;
  expired_scan_cycle?: Int | undefined;
  max_queue_size?: Int | undefined;
  vnet_hdr_support?: boolean | undefined;
}

/** Variant `cryptodev-backend` of the arguments of `object-add`. */
export interface ObjectAddArgumentsCryptodevBackend {
  queues?: Int | undefined;
}

/** Variant `cryptodev-vhost-user` of the arguments of `object-add`. */
export interface ObjectAddArgumentsCryptodevVhostUser {
  queues?: Int | undefined;
  chardev: string;
}

/** Variant `dbus-vmstate` of the arguments of `object-add`. */
export interface ObjectAddArgumentsDbusVmstate {
  addr: string;
  'id-list'?: string | undefined;
}

/** Variant `filter-buffer` of the arguments of `object-add`. */
export interface ObjectAddArgumentsFilterBuffer {
  netdev: string;
  queue?: ObjectAddArgumentsFilterDumpQueue | undefined;
  status?: string | undefined;
  position?: string | undefined;
  insert?: ObjectAddArgumentsFilterDumpInsert | undefined;
  interval: Int;
}

/** Variant `filter-dump` of the arguments of `object-add`. */
export interface ObjectAddArgumentsFilterDump {
  netdev: string;
  queue?: ObjectAddArgumentsFilterDumpQueue | undefined;
  status?: string | undefined;
  position?: string | undefined;
  insert?: ObjectAddArgumentsFilterDumpInsert | undefined;
  file: string;
  maxlen?: Int | undefined;
}

/** `insert` in the variant `filter-dump` of the arguments of `object-add`. */
export type ObjectAddArgumentsFilterDumpInsert = 'before' | 'behind';

/** `queue` in the variant `filter-dump` of the arguments of `object-add`. */
export type ObjectAddArgumentsFilterDumpQueue = 'all' | 'rx' | 'tx';

/** Variant `filter-mirror` of the arguments of `object-add`. */
export interface ObjectAddArgumentsFilterMirror {
  netdev: string;
  queue?: ObjectAddArgumentsFilterDumpQueue | undefined;
  status?: string | undefined;
  position?: string | undefined;
  insert?: ObjectAddArgumentsFilterDumpInsert | undefined;
  outdev: string;
  vnet_hdr_support?: boolean | undefined;
}

/** Variant `filter-redirector` of the arguments of `object-add`. */
export interface ObjectAddArgumentsFilterRedirector {
  netdev: string;
  queue?: ObjectAddArgumentsFilterDumpQueue | undefined;
  status?: string | undefined;
  position?: string | undefined;
  insert?: ObjectAddArgumentsFilterDumpInsert | undefined;
  indev?: string | undefined;
  outdev?: string | undefined;
  vnet_hdr_support?: boolean | undefined;
}

/** Variant `filter-replay` of the arguments of `object-add`. */
export interface ObjectAddArgumentsFilterReplay {
  netdev: string;
  queue?: ObjectAddArgumentsFilterDumpQueue | undefined;
  status?: string | undefined;
  position?: string | undefined;
  insert?: ObjectAddArgumentsFilterDumpInsert | undefined;
}

/** Variant `filter-rewriter` of the arguments of `object-add`. */
export interface ObjectAddArgumentsFilterRewriter {
  netdev: string;
  queue?: ObjectAddArgumentsFilterDumpQueue | undefined;
  status?: string | undefined;
  position?: string | undefined;
  insert?: ObjectAddArgumentsFilterDumpInsert | undefined;
  vnet_hdr_support?: boolean | undefined;
}

/** Variant `input-barrier` of the arguments of `object-add`. */
export interface ObjectAddArgumentsInputBarrier {
  name: string;
  server?: string | undefined;
  port?: string | undefined;
  'x-origin'?: string | undefined;
  'y-origin'?: string | undefined;
  width?: string | undefined;
  height?: string | undefined;
}

/** Variant `input-linux` of the arguments of `object-add`. */
export interface ObjectAddArgumentsInputLinux {
  evdev: string;
  grab_all?: boolean | undefined;
  repeat?: boolean | undefined;
  'grab-toggle'?: ObjectAddArgumentsInputLinuxGrabToggle | undefined;
}

/** `grab-toggle` in the variant `input-linux` of the arguments of `object-add`. */
export type ObjectAddArgumentsInputLinuxGrabToggle =
  'ctrl-ctrl' | 'alt-alt' | 'shift-shift' | 'meta-meta' | 'scrolllock' | 'ctrl-scrolllock';

/** Variant `iothread` of the arguments of `object-add`. */
export interface ObjectAddArgumentsIothread {
  'aio-max-batch'?: Int | undefined;
  'thread-pool-min'?: Int | undefined;
  'thread-pool-max'?: Int | undefined;
  'poll-max-ns'?: Int | undefined;
  'poll-grow'?: Int | undefined;
  'poll-shrink'?: Int | undefined;
}

/** Variant `main-loop` of the arguments of `object-add`. */
export interface ObjectAddArgumentsMainLoop {
  'aio-max-batch'?: Int | undefined;
  'thread-pool-min'?: Int | undefined;
  'thread-pool-max'?: Int | undefined;
}

/** Variant `memory-backend-epc` of the arguments of `object-add`. */
export interface ObjectAddArgumentsMemoryBackendEpc {
  dump?: boolean | undefined;
  'host-nodes'?: readonly Int[] | undefined;
  merge?: boolean | undefined;
  policy?: QueryMemdevReturnItemPolicy | undefined;
  prealloc?: boolean | undefined;
  'prealloc-threads'?: Int | undefined;
  'prealloc-context'?: string | undefined;
  share?: boolean | undefined;
  reserve?: boolean | undefined;
  size: Int;
  'x-use-canonical-path-for-ramblock-id'?: boolean | undefined;
}

/** Variant `memory-backend-file` of the arguments of `object-add`. */
export interface ObjectAddArgumentsMemoryBackendFile {
  dump?: boolean | undefined;
  'host-nodes'?: readonly Int[] | undefined;
  merge?: boolean | undefined;
  policy?: QueryMemdevReturnItemPolicy | undefined;
  prealloc?: boolean | undefined;
  'prealloc-threads'?: Int | undefined;
  'prealloc-context'?: string | undefined;
  share?: boolean | undefined;
  reserve?: boolean | undefined;
  size: Int;
  'x-use-canonical-path-for-ramblock-id'?: boolean | undefined;
  align?: Int | undefined;
  'discard-data'?: boolean | undefined;
  'mem-path': string;
  pmem?: boolean | undefined;
  readonly?: boolean | undefined;
}

/** Variant `memory-backend-memfd` of the arguments of `object-add`. */
export interface ObjectAddArgumentsMemoryBackendMemfd {
  dump?: boolean | undefined;
  'host-nodes'?: readonly Int[] | undefined;
  merge?: boolean | undefined;
  policy?: QueryMemdevReturnItemPolicy | undefined;
  prealloc?: boolean | undefined;
  'prealloc-threads'?: Int | undefined;
  'prealloc-context'?: string | undefined;
  share?: boolean | undefined;
  reserve?: boolean | undefined;
  size: Int;
  'x-use-canonical-path-for-ramblock-id'?: boolean | undefined;
  hugetlb?: boolean | undefined;
  hugetlbsize?: Int | undefined;
  seal?: boolean | undefined;
}

/** Variant `memory-backend-ram` of the arguments of `object-add`. */
export interface ObjectAddArgumentsMemoryBackendRam {
  dump?: boolean | undefined;
  'host-nodes'?: readonly Int[] | undefined;
  merge?: boolean | undefined;
  policy?: QueryMemdevReturnItemPolicy | undefined;
  prealloc?: boolean | undefined;
  'prealloc-threads'?: Int | undefined;
  'prealloc-context'?: string | undefined;
  share?: boolean | undefined;
  reserve?: boolean | undefined;
  size: Int;
  'x-use-canonical-path-for-ramblock-id'?: boolean | undefined;
}

/** Variant `pr-manager-helper` of the arguments of `object-add`. */
export interface ObjectAddArgumentsPrManagerHelper {
  path: string;
}

/** `qom-type` in the arguments of `object-add`. */
export type ObjectAddArgumentsQomType =
  | 'authz-list'
  | 'authz-listfile'
  | 'authz-pam'
  | 'authz-simple'
  | 'can-bus'
  | 'can-host-socketcan'
  | 'colo-compare'
  | 'cryptodev-backend'
  | 'cryptodev-backend-builtin'
  | 'cryptodev-backend-lkcf'
  | 'cryptodev-vhost-user'
  | 'dbus-vmstate'
  | 'filter-buffer'
  | 'filter-dump'
  | 'filter-mirror'
  | 'filter-redirector'
  | 'filter-replay'
  | 'filter-rewriter'
  | 'input-barrier'
  | 'input-linux'
  | 'iothread'
  | 'main-loop'
  | 'memory-backend-epc'
  | 'memory-backend-file'
  | 'memory-backend-memfd'
  | 'memory-backend-ram'
  | 'pef-guest'
  | 'pr-manager-helper'
  | 'qtest'
  | 'rng-builtin'
  | 'rng-egd'
  | 'rng-random'
  | 'secret'
  | 'secret_keyring'
  | 'sev-guest'
  | 'thread-context'
  | 's390-pv-guest'
  | 'throttle-group'
  | 'tls-creds-anon'
  | 'tls-creds-psk'
  | 'tls-creds-x509'
  | 'tls-cipher-suites'
  /** @experimental unstable */
  | 'x-remote-object'
  /** @experimental unstable */
  | 'x-vfio-user-server';

/** Variant `qtest` of the arguments of `object-add`. */
export interface ObjectAddArgumentsQtest {
  chardev: string;
  log?: string | undefined;
}

/** Variant `rng-builtin` of the arguments of `object-add`. */
export interface ObjectAddArgumentsRngBuiltin {
  /** @deprecated */
  opened?: boolean | undefined;
}

/** Variant `rng-egd` of the arguments of `object-add`. */
export interface ObjectAddArgumentsRngEgd {
  /** @deprecated */
  opened?: boolean | undefined;
  chardev: string;
}

/** Variant `rng-random` of the arguments of `object-add`. */
export interface ObjectAddArgumentsRngRandom {
  /** @deprecated */
  opened?: boolean | undefined;
  filename?: string | undefined;
}

/** Variant `secret` of the arguments of `object-add`. */
export interface ObjectAddArgumentsSecret {
  /** @deprecated */
  loaded?: boolean | undefined;
  format?: ObjectAddArgumentsSecretFormat | undefined;
  keyid?: string | undefined;
  iv?: string | undefined;
  data?: string | undefined;
  file?: string | undefined;
}

/** `format` in the variant `secret` of the arguments of `object-add`. */
export type ObjectAddArgumentsSecretFormat = 'raw' | 'base64';

/** Variant `secret_keyring` of the arguments of `object-add`. */
export interface ObjectAddArgumentsSecretKeyring {
  /** @deprecated */
  loaded?: boolean | undefined;
  format?: ObjectAddArgumentsSecretFormat | undefined;
  keyid?: string | undefined;
  iv?: string | undefined;
  serial: Int;
}

/** Variant `sev-guest` of the arguments of `object-add`. */
export interface ObjectAddArgumentsSevGuest {
  'sev-device'?: string | undefined;
  'dh-cert-file'?: string | undefined;
  'session-file'?: string | undefined;
  policy?: Int | undefined;
  handle?: Int | undefined;
  cbitpos?: Int | undefined;
  'reduced-phys-bits': Int;
  'kernel-hashes'?: boolean | undefined;
}

/** Variant `thread-context` of the arguments of `object-add`. */
export interface ObjectAddArgumentsThreadContext {
  'cpu-affinity'?: readonly Int[] | undefined;
  'node-affinity'?: readonly Int[] | undefined;
}

/** Variant `throttle-group` of the arguments of `object-add`. */
export interface ObjectAddArgumentsThrottleGroup {
  limits?: ObjectAddArgumentsThrottleGroupLimits | undefined;
  /** @experimental unstable */
  'x-iops-total'?: Int | undefined;
  /** @experimental unstable */
  'x-iops-total-max'?: Int | undefined;
  /** @experimental unstable */
  'x-iops-total-max-length'?: Int | undefined;
  /** @experimental unstable */
  'x-iops-read'?: Int | undefined;
  /** @experimental unstable */
  'x-iops-read-max'?: Int | undefined;
  /** @experimental unstable */
  'x-iops-read-max-length'?: Int | undefined;
  /** @experimental unstable */
  'x-iops-write'?: Int | undefined;
  /** @experimental unstable */
  'x-iops-write-max'?: Int | undefined;
  /** @experimental unstable */
  'x-iops-write-max-length'?: Int | undefined;
  /** @experimental unstable */
  'x-bps-total'?: Int | undefined;
  /** @experimental unstable */
  'x-bps-total-max'?: Int | undefined;
  /** @experimental unstable */
  'x-bps-total-max-length'?: Int | undefined;
  /** @experimental unstable */
  'x-bps-read'?: Int | undefined;
  /** @experimental unstable */
  'x-bps-read-max'?: Int | undefined;
  /** @experimental unstable */
  'x-bps-read-max-length'?: Int | undefined;
  /** @experimental unstable */
  'x-bps-write'?: Int | undefined;
  /** @experimental unstable */
  'x-bps-write-max'?: Int | undefined;
  /** @experimental unstable */
  'x-bps-write-max-length'?: Int | undefined;
  /** @experimental unstable */
  'x-iops-size'?: Int | undefined;
}

/** `limits` in the variant `throttle-group` of the arguments of `object-add`. */
export interface ObjectAddArgumentsThrottleGroupLimits {
  'iops-total'?: Int | undefined;
  'iops-total-max'?: Int | undefined;
  'iops-total-max-length'?: Int | undefined;
  'iops-read'?: Int | undefined;
  'iops-read-max'?: Int | undefined;
  'iops-read-max-length'?: Int | undefined;
  'iops-write'?: Int | undefined;
  'iops-write-max'?: Int | undefined;
  'iops-write-max-length'?: Int | undefined;
  'bps-total'?: Int | undefined;
  'bps-total-max'?: Int | undefined;
  'bps-total-max-length'?: Int | undefined;
  'bps-read'?: Int | undefined;
  'bps-read-max'?: Int | undefined;
  'bps-read-max-length'?: Int | undefined;
  'bps-write'?: Int | undefined;
  'bps-write-max'?: Int | undefined;
  'bps-write-max-length'?: Int | undefined;
  'iops-size'?: Int | undefined;
}

/** Variant `tls-cipher-suites` of the arguments of `object-add`. */
export interface ObjectAddArgumentsTlsCipherSuites {
  'verify-peer'?: boolean | undefined;
  dir?: string | undefined;
  endpoint?: ObjectAddArgumentsTlsCredsPskEndpoint | undefined;
  priority?: string | undefined;
}

/** Variant `tls-creds-anon` of the arguments of `object-add`. */
export interface ObjectAddArgumentsTlsCredsAnon {
  'verify-peer'?: boolean | undefined;
  dir?: string | undefined;
  endpoint?: ObjectAddArgumentsTlsCredsPskEndpoint | undefined;
  priority?: string | undefined;
  /** @deprecated */
  loaded?: boolean | undefined;
}

/** Variant `tls-creds-psk` of the arguments of `object-add`. */
export interface ObjectAddArgumentsTlsCredsPsk {
  'verify-peer'?: boolean | undefined;
  dir?: string | undefined;
  endpoint?: ObjectAddArgumentsTlsCredsPskEndpoint | undefined;
  priority?: string | undefined;
  /** @deprecated */
  loaded?: boolean | undefined;
  username?: string | undefined;
}

/** `endpoint` in the variant `tls-creds-psk` of the arguments of `object-add`. */
export type ObjectAddArgumentsTlsCredsPskEndpoint = 'client' | 'server';

/** Variant `tls-creds-x509` of the arguments of `object-add`. */
export interface ObjectAddArgumentsTlsCredsX509 {
  'verify-peer'?: boolean | undefined;
  dir?: string | undefined;
  endpoint?: ObjectAddArgumentsTlsCredsPskEndpoint | undefined;
  priority?: string | undefined;
  /** @deprecated */
  loaded?: boolean | undefined;
  'sanity-check'?: boolean | undefined;
  passwordid?: string | undefined;
}

/** Variant `x-remote-object` of the arguments of `object-add`. */
export interface ObjectAddArgumentsXRemoteObject {
  fd: string;
  devid: string;
}

/** Variant `x-vfio-user-server` of the arguments of `object-add`. */
export interface ObjectAddArgumentsXVfioUserServer {
  socket: NetdevAddArgumentsDgramLocal;
  device: string;
}

/** Arguments of `object-del`. */
export interface ObjectDelArguments {
  id: string;
}

/** Arguments of `pmemsave`. */
export interface PmemsaveArguments {
  val: Int;
  size: Int;
  filename: string;
}

/** Data of the event `PR_MANAGER_STATUS_CHANGED`. */
export interface PrManagerStatusChangedEvent {
  id: string;
  connected: boolean;
}

/** Arguments of `qmp_capabilities`. */
export interface QmpCapabilitiesArguments {
  enable?: readonly QmpCapabilitiesArgumentsEnable[] | undefined;
}

/** `enable` in the arguments of `qmp_capabilities`. */
export type QmpCapabilitiesArgumentsEnable = 'oob';

/** Arguments of `qom-get`. */
export interface QomGetArguments {
  path: string;
  property: string;
}

/** Arguments of `qom-list`. */
export interface QomListArguments {
  path: string;
}

/** Arguments of `qom-list-properties`. */
export interface QomListPropertiesArguments {
  typename: string;
}

/** Result of `qom-list`. */
export interface QomListReturnItem {
  name: string;
  type: string;
  description?: string | undefined;
  'default-value'?: JsonValue | undefined;
}

/** Arguments of `qom-list-types`. */
export interface QomListTypesArguments {
  implements?: string | undefined;
  abstract?: boolean | undefined;
}

/** Result of `qom-list-types`. */
export interface QomListTypesReturnItem {
  name: string;
  abstract?: boolean | undefined;
  parent?: string | undefined;
}

/** Arguments of `qom-set`. */
export interface QomSetArguments {
  path: string;
  property: string;
  value: JsonValue;
}

/** Result of `query-balloon`. */
export interface QueryBalloonReturn {
  actual: Int;
}

/** Result of `query-block-exports`. */
export interface QueryBlockExportsReturnItem {
  id: string;
  type: BlockExportAddArgumentsType;
  'node-name': string;
  'shutting-down': boolean;
}

/** Result of `query-block-jobs`. */
export interface QueryBlockJobsReturnItem {
  type: string;
  device: string;
  len: Int;
  offset: Int;
  busy: boolean;
  paused: boolean;
  speed: Int;
  'io-status': QueryBlockReturnItemIoStatus;
  ready: boolean;
  status: QueryJobsReturnItemStatus;
  'auto-finalize': boolean;
  'auto-dismiss': boolean;
  error?: string | undefined;
}

/** Result of `query-block`. */
export interface QueryBlockReturnItem {
  device: string;
  qdev?: string | undefined;
  type: string;
  removable: boolean;
  locked: boolean;
  inserted?: QueryBlockReturnItemInserted | undefined;
  tray_open?: boolean | undefined;
  'io-status'?: QueryBlockReturnItemIoStatus | undefined;
}

/** `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInserted {
  file: string;
  'node-name'?: string | undefined;
  ro: boolean;
  drv: string;
  backing_file?: string | undefined;
  backing_file_depth: Int;
  encrypted: boolean;
  detect_zeroes: BlockdevAddArgumentsDetectZeroes;
  bps: Int;
  bps_rd: Int;
  bps_wr: Int;
  iops: Int;
  iops_rd: Int;
  iops_wr: Int;
  image: QueryBlockReturnItemInsertedImage;
  bps_max?: Int | undefined;
  bps_rd_max?: Int | undefined;
  bps_wr_max?: Int | undefined;
  iops_max?: Int | undefined;
  iops_rd_max?: Int | undefined;
  iops_wr_max?: Int | undefined;
  bps_max_length?: Int | undefined;
  bps_rd_max_length?: Int | undefined;
  bps_wr_max_length?: Int | undefined;
  iops_max_length?: Int | undefined;
  iops_rd_max_length?: Int | undefined;
  iops_wr_max_length?: Int | undefined;
  iops_size?: Int | undefined;
  group?: string | undefined;
  cache: QueryBlockReturnItemInsertedCache;
  write_threshold: Int;
  'dirty-bitmaps'?: readonly QueryBlockReturnItemInsertedDirtyBitmaps[] | undefined;
}

/** `cache` in the `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInsertedCache {
  writeback: boolean;
  direct: boolean;
  'no-flush': boolean;
}

/** `dirty-bitmaps` in the `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInsertedDirtyBitmaps {
  name?: string | undefined;
  count: Int;
  granularity: Int;
  recording: boolean;
  busy: boolean;
  persistent: boolean;
  inconsistent?: boolean | undefined;
}

/** `image` in the `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInsertedImage {
  filename: string;
  format: string;
  'dirty-flag'?: boolean | undefined;
  'actual-size'?: Int | undefined;
  'virtual-size': Int;
  'cluster-size'?: Int | undefined;
  encrypted?: boolean | undefined;
  compressed?: boolean | undefined;
  'backing-filename'?: string | undefined;
  'full-backing-filename'?: string | undefined;
  'backing-filename-format'?: string | undefined;
  snapshots?: readonly BlockdevSnapshotDeleteInternalSyncReturn[] | undefined;
  'backing-image'?: QueryBlockReturnItemInsertedImage | undefined;
  'format-specific'?: QueryBlockReturnItemInsertedImageFormatSpecific | undefined;
}

/** `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export type QueryBlockReturnItemInsertedImageFormatSpecific =
  | ({ type: 'qcow2' } & QueryBlockReturnItemInsertedImageFormatSpecificQcow2)
  | ({ type: 'vmdk' } & QueryBlockReturnItemInsertedImageFormatSpecificVmdk)
  | ({ type: 'luks' } & QueryBlockReturnItemInsertedImageFormatSpecificLuks)
  | ({ type: 'rbd' } & QueryBlockReturnItemInsertedImageFormatSpecificRbd);

/** Variant `luks` of the `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInsertedImageFormatSpecificLuks {
  data: QueryBlockReturnItemInsertedImageFormatSpecificLuksData;
}

/** `data` in the variant `luks` of the `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInsertedImageFormatSpecificLuksData {
  'cipher-alg': BlockdevCreateArgumentsOptionsLuksCipherAlg;
  'cipher-mode': BlockdevCreateArgumentsOptionsLuksCipherMode;
  'ivgen-alg': BlockdevCreateArgumentsOptionsLuksIvgenAlg;
  'ivgen-hash-alg'?: BlockdevCreateArgumentsOptionsLuksHashAlg | undefined;
  'hash-alg': BlockdevCreateArgumentsOptionsLuksHashAlg;
  'payload-offset': Int;
  'master-key-iters': Int;
  uuid: string;
  slots: readonly QueryBlockReturnItemInsertedImageFormatSpecificLuksDataSlots[];
}

/** `slots` in the `data` in the variant `luks` of the `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInsertedImageFormatSpecificLuksDataSlots {
  active: boolean;
  iters?: Int | undefined;
  stripes?: Int | undefined;
  'key-offset': Int;
}

/** Variant `qcow2` of the `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInsertedImageFormatSpecificQcow2 {
  data: QueryBlockReturnItemInsertedImageFormatSpecificQcow2Data;
}

/** `data` in the variant `qcow2` of the `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInsertedImageFormatSpecificQcow2Data {
  compat: string;
  'data-file'?: string | undefined;
  'data-file-raw'?: boolean | undefined;
  'extended-l2'?: boolean | undefined;
  'lazy-refcounts'?: boolean | undefined;
  corrupt?: boolean | undefined;
  'refcount-bits': Int;
  encrypt?: QueryBlockReturnItemInsertedImageFormatSpecificQcow2DataEncrypt | undefined;
  bitmaps?: readonly QueryBlockReturnItemInsertedImageFormatSpecificQcow2DataBitmaps[] | undefined;
  'compression-type': BlockdevCreateArgumentsOptionsQcow2CompressionType;
}

/** `bitmaps` in the `data` in the variant `qcow2` of the `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInsertedImageFormatSpecificQcow2DataBitmaps {
  name: string;
  granularity: Int;
  flags: readonly QueryBlockReturnItemInsertedImageFormatSpecificQcow2DataBitmapsFlags[];
}

/** `flags` in the `bitmaps` in the `data` in the variant `qcow2` of the `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export type QueryBlockReturnItemInsertedImageFormatSpecificQcow2DataBitmapsFlags =
  'in-use' | 'auto';

/** `encrypt` in the `data` in the variant `qcow2` of the `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export type QueryBlockReturnItemInsertedImageFormatSpecificQcow2DataEncrypt =
  | ({ format: 'luks' } & QueryBlockReturnItemInsertedImageFormatSpecificLuksData)
  | { format: 'aes' };

/** Variant `rbd` of the `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInsertedImageFormatSpecificRbd {
  data: QueryBlockReturnItemInsertedImageFormatSpecificRbdData;
}

/** `data` in the variant `rbd` of the `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInsertedImageFormatSpecificRbdData {
  'encryption-format'?: BlockdevAddArgumentsRbdEncryptFormat | undefined;
}

/** `type` in the `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export type QueryBlockReturnItemInsertedImageFormatSpecificType = 'qcow2' | 'vmdk' | 'luks' | 'rbd';

/** Variant `vmdk` of the `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInsertedImageFormatSpecificVmdk {
  data: QueryBlockReturnItemInsertedImageFormatSpecificVmdkData;
}

/** `data` in the variant `vmdk` of the `format-specific` in the `image` in the `inserted` in the result of `query-block`. */
export interface QueryBlockReturnItemInsertedImageFormatSpecificVmdkData {
  'create-type': string;
  cid: Int;
  'parent-cid': Int;
  extents: readonly QueryBlockReturnItemInsertedImage[];
}

/** `io-status` in the result of `query-block`. */
export type QueryBlockReturnItemIoStatus = 'ok' | 'failed' | 'nospace';

/** Arguments of `query-blockstats`. */
export interface QueryBlockstatsArguments {
  'query-nodes'?: boolean | undefined;
}

/** Result of `query-blockstats`. */
export interface QueryBlockstatsReturnItem {
  device?: string | undefined;
  qdev?: string | undefined;
  'node-name'?: string | undefined;
  stats: QueryBlockstatsReturnItemStats;
  'driver-specific'?: QueryBlockstatsReturnItemDriverSpecific | undefined;
  parent?: QueryBlockstatsReturnItem | undefined;
  backing?: QueryBlockstatsReturnItem | undefined;
}

/** `driver-specific` in the result of `query-blockstats`. */
export type QueryBlockstatsReturnItemDriverSpecific =
  | ({ driver: 'file' } & QueryBlockstatsReturnItemDriverSpecificFile)
  | ({ driver: 'host_device' } & QueryBlockstatsReturnItemDriverSpecificFile)
  | ({ driver: 'nvme' } & QueryBlockstatsReturnItemDriverSpecificNvme)
  | {
      driver:
        | 'blkdebug'
        | 'blklogwrites'
        | 'blkreplay'
        | 'blkverify'
        | 'bochs'
        | 'cloop'
        | 'compress'
        | 'copy-before-write'
        | 'copy-on-read'
        | 'dmg'
        | 'snapshot-access'
        | 'ftp'
        | 'ftps'
        | 'gluster'
        | 'host_cdrom'
        | 'http'
        | 'https'
        | 'iscsi'
        | 'luks'
        | 'nbd'
        | 'nfs'
        | 'null-aio'
        | 'null-co'
        | 'parallels'
        | 'preallocate'
        | 'qcow'
        | 'qcow2'
        | 'qed'
        | 'quorum'
        | 'raw'
        | 'rbd'
        | 'replication'
        | 'ssh'
        | 'throttle'
        | 'vdi'
        | 'vhdx'
        | 'vmdk'
        | 'vpc'
        | 'vvfat';
    };

/** Variant `file` of the `driver-specific` in the result of `query-blockstats`. */
export interface QueryBlockstatsReturnItemDriverSpecificFile {
  'discard-nb-ok': Int;
  'discard-nb-failed': Int;
  'discard-bytes-ok': Int;
}

/** Variant `nvme` of the `driver-specific` in the result of `query-blockstats`. */
export interface QueryBlockstatsReturnItemDriverSpecificNvme {
  'completion-errors': Int;
  'aligned-accesses': Int;
  'unaligned-accesses': Int;
}

/** `stats` in the result of `query-blockstats`. */
export interface QueryBlockstatsReturnItemStats {
  rd_bytes: Int;
  wr_bytes: Int;
  unmap_bytes: Int;
  rd_operations: Int;
  wr_operations: Int;
  flush_operations: Int;
  unmap_operations: Int;
  rd_total_time_ns: Int;
  wr_total_time_ns: Int;
  flush_total_time_ns: Int;
  unmap_total_time_ns: Int;
  wr_highest_offset: Int;
  rd_merged: Int;
  wr_merged: Int;
  unmap_merged: Int;
  idle_time_ns?: Int | undefined;
  failed_rd_operations: Int;
  failed_wr_operations: Int;
  failed_flush_operations: Int;
  failed_unmap_operations: Int;
  invalid_rd_operations: Int;
  invalid_wr_operations: Int;
  invalid_flush_operations: Int;
  invalid_unmap_operations: Int;
  account_invalid: boolean;
  account_failed: boolean;
  timed_stats: readonly QueryBlockstatsReturnItemStatsTimedStats[];
  rd_latency_histogram?: QueryBlockstatsReturnItemStatsRdLatencyHistogram | undefined;
  wr_latency_histogram?: QueryBlockstatsReturnItemStatsRdLatencyHistogram | undefined;
  flush_latency_histogram?: QueryBlockstatsReturnItemStatsRdLatencyHistogram | undefined;
}

/** `rd_latency_histogram` in the `stats` in the result of `query-blockstats`. */
export interface QueryBlockstatsReturnItemStatsRdLatencyHistogram {
  boundaries: readonly Int[];
  bins: readonly Int[];
}

/** `timed_stats` in the `stats` in the result of `query-blockstats`. */
export interface QueryBlockstatsReturnItemStatsTimedStats {
  interval_length: Int;
  min_rd_latency_ns: Int;
  max_rd_latency_ns: Int;
  avg_rd_latency_ns: Int;
  min_wr_latency_ns: Int;
  max_wr_latency_ns: Int;
  avg_wr_latency_ns: Int;
  min_flush_latency_ns: Int;
  max_flush_latency_ns: Int;
  avg_flush_latency_ns: Int;
  avg_rd_queue_depth: number;
  avg_wr_queue_depth: number;
}

/** Result of `query-chardev-backends`. */
export interface QueryChardevBackendsReturnItem {
  name: string;
}

/** Result of `query-chardev`. */
export interface QueryChardevReturnItem {
  label: string;
  filename: string;
  'frontend-open': boolean;
}

/** Result of `query-colo-status`. */
export interface QueryColoStatusReturn {
  mode: ColoExitEventMode;
  'last-mode': ColoExitEventMode;
  reason: ColoExitEventReason;
}

/** Arguments of `query-command-line-options`. */
export interface QueryCommandLineOptionsArguments {
  option?: string | undefined;
}

/** Result of `query-command-line-options`. */
export interface QueryCommandLineOptionsReturnItem {
  option: string;
  parameters: readonly QueryCommandLineOptionsReturnItemParameters[];
}

/** `parameters` in the result of `query-command-line-options`. */
export interface QueryCommandLineOptionsReturnItemParameters {
  name: string;
  type: QueryCommandLineOptionsReturnItemParametersType;
  help?: string | undefined;
  default?: string | undefined;
}

/** `type` in the `parameters` in the result of `query-command-line-options`. */
export type QueryCommandLineOptionsReturnItemParametersType =
  'string' | 'boolean' | 'number' | 'size';

/** Result of `query-commands`. */
export interface QueryCommandsReturnItem {
  name: string;
}

/** Result of `query-cpu-definitions`. */
export interface QueryCpuDefinitionsReturnItem {
  name: string;
  'migration-safe'?: boolean | undefined;
  static: boolean;
  'unavailable-features'?: readonly string[] | undefined;
  typename: string;
  'alias-of'?: string | undefined;
  deprecated: boolean;
}

/** Arguments of `query-cpu-model-expansion`. */
export interface QueryCpuModelExpansionArguments {
  type: QueryCpuModelExpansionArgumentsType;
  model: QueryCpuModelExpansionReturnModel;
}

/** `type` in the arguments of `query-cpu-model-expansion`. */
export type QueryCpuModelExpansionArgumentsType = 'static' | 'full';

/** Result of `query-cpu-model-expansion`. */
export interface QueryCpuModelExpansionReturn {
  model: QueryCpuModelExpansionReturnModel;
}

/** `model` in the result of `query-cpu-model-expansion`. */
export interface QueryCpuModelExpansionReturnModel {
  name: string;
  props?: JsonValue | undefined;
}

/** Result of `query-cpus-fast`. */
export type QueryCpusFastReturnItem = {
  'cpu-index': Int;
  'qom-path': string;
  'thread-id': Int;
  props?: QueryCpusFastReturnItemProps | undefined;
} & (
  | ({ target: 's390x' } & QueryCpusFastReturnItemS390x)
  | {
      target:
        | 'aarch64'
        | 'alpha'
        | 'arm'
        | 'avr'
        | 'cris'
        | 'hppa'
        | 'i386'
        | 'loongarch64'
        | 'm68k'
        | 'microblaze'
        | 'microblazeel'
        | 'mips'
        | 'mips64'
        | 'mips64el'
        | 'mipsel'
        | 'nios2'
        | 'or1k'
        | 'ppc'
        | 'ppc64'
        | 'riscv32'
        | 'riscv64'
        | 'rx'
        | 'sh4'
        | 'sh4eb'
        | 'sparc'
        | 'sparc64'
        | 'tricore'
        | 'x86_64'
        | 'xtensa'
        | 'xtensaeb';
    }
);

/** `props` in the result of `query-cpus-fast`. */
export interface QueryCpusFastReturnItemProps {
  'node-id'?: Int | undefined;
  'socket-id'?: Int | undefined;
  'die-id'?: Int | undefined;
  'cluster-id'?: Int | undefined;
  'core-id'?: Int | undefined;
  'thread-id'?: Int | undefined;
}

/** Variant `s390x` of the result of `query-cpus-fast`. */
export interface QueryCpusFastReturnItemS390x {
  'cpu-state': QueryCpusFastReturnItemS390xCpuState;
}

/** `cpu-state` in the variant `s390x` of the result of `query-cpus-fast`. */
export type QueryCpusFastReturnItemS390xCpuState =
  'uninitialized' | 'stopped' | 'check-stop' | 'operating' | 'load';

/** Result of `query-current-machine`. */
export interface QueryCurrentMachineReturn {
  'wakeup-suspend-support': boolean;
}

/** Result of `query-dirty-rate`. */
export interface QueryDirtyRateReturn {
  'dirty-rate'?: Int | undefined;
  status: QueryDirtyRateReturnStatus;
  'start-time': Int;
  'calc-time': Int;
  'sample-pages': Int;
  mode: QueryDirtyRateReturnMode;
  'vcpu-dirty-rate'?: readonly QueryDirtyRateReturnVcpuDirtyRate[] | undefined;
}

/** `mode` in the result of `query-dirty-rate`. */
export type QueryDirtyRateReturnMode = 'page-sampling' | 'dirty-ring' | 'dirty-bitmap';

/** `status` in the result of `query-dirty-rate`. */
export type QueryDirtyRateReturnStatus = 'unstarted' | 'measuring' | 'measured';

/** `vcpu-dirty-rate` in the result of `query-dirty-rate`. */
export interface QueryDirtyRateReturnVcpuDirtyRate {
  id: Int;
  'dirty-rate': Int;
}

/** Result of `query-display-options`. */
export type QueryDisplayOptionsReturn = {
  'full-screen'?: boolean | undefined;
  'window-close'?: boolean | undefined;
  'show-cursor'?: boolean | undefined;
  gl?: QueryDisplayOptionsReturnGl | undefined;
} & (
  | ({ type: 'gtk' } & QueryDisplayOptionsReturnGtk)
  | ({ type: 'curses' } & QueryDisplayOptionsReturnCurses)
  | ({ type: 'egl-headless' } & QueryDisplayOptionsReturnEglHeadless)
  | ({ type: 'dbus' } & QueryDisplayOptionsReturnDbus)
  | ({ type: 'sdl' } & QueryDisplayOptionsReturnSdl)
  | { type: 'default' | 'none' | 'spice-app' }
);

/** Variant `curses` of the result of `query-display-options`. */
export interface QueryDisplayOptionsReturnCurses {
  charset?: string | undefined;
}

/** Variant `dbus` of the result of `query-display-options`. */
export interface QueryDisplayOptionsReturnDbus {
  rendernode?: string | undefined;
  addr?: string | undefined;
  p2p?: boolean | undefined;
  audiodev?: string | undefined;
}

/** Variant `egl-headless` of the result of `query-display-options`. */
export interface QueryDisplayOptionsReturnEglHeadless {
  rendernode?: string | undefined;
}

/** `gl` in the result of `query-display-options`. */
export type QueryDisplayOptionsReturnGl = 'off' | 'on' | 'core' | 'es';

/** Variant `gtk` of the result of `query-display-options`. */
export interface QueryDisplayOptionsReturnGtk {
  'grab-on-hover'?: boolean | undefined;
  'zoom-to-fit'?: boolean | undefined;
  'show-tabs'?: boolean | undefined;
  'show-menubar'?: boolean | undefined;
}

/** Variant `sdl` of the result of `query-display-options`. */
export interface QueryDisplayOptionsReturnSdl {
  'grab-mod'?: QueryDisplayOptionsReturnSdlGrabMod | undefined;
}

/** `grab-mod` in the variant `sdl` of the result of `query-display-options`. */
export type QueryDisplayOptionsReturnSdlGrabMod = 'lctrl-lalt' | 'lshift-lctrl-lalt' | 'rctrl';

/** `type` in the result of `query-display-options`. */
export type QueryDisplayOptionsReturnType =
  'default' | 'none' | 'gtk' | 'sdl' | 'egl-headless' | 'curses' | 'spice-app' | 'dbus';

/** Result of `query-dump-guest-memory-capability`. */
export interface QueryDumpGuestMemoryCapabilityReturn {
  formats: readonly DumpGuestMemoryArgumentsFormat[];
}

/** Result of `query-dump`. */
export interface QueryDumpReturn {
  status: QueryDumpReturnStatus;
  completed: Int;
  total: Int;
}

/** `status` in the result of `query-dump`. */
export type QueryDumpReturnStatus = 'none' | 'active' | 'completed' | 'failed';

/** Result of `query-fdsets`. */
export interface QueryFdsetsReturnItem {
  'fdset-id': Int;
  fds: readonly QueryFdsetsReturnItemFds[];
}

/** `fds` in the result of `query-fdsets`. */
export interface QueryFdsetsReturnItemFds {
  fd: Int;
  opaque?: string | undefined;
}

/** Result of `query-hotpluggable-cpus`. */
export interface QueryHotpluggableCpusReturnItem {
  type: string;
  'vcpus-count': Int;
  props: QueryCpusFastReturnItemProps;
  'qom-path'?: string | undefined;
}

/** Result of `query-iothreads`. */
export interface QueryIothreadsReturnItem {
  id: string;
  'thread-id': Int;
  'poll-max-ns': Int;
  'poll-grow': Int;
  'poll-shrink': Int;
  'aio-max-batch': Int;
}

/** Result of `query-jobs`. */
export interface QueryJobsReturnItem {
  id: string;
  type: BlockJobReadyEventType;
  status: QueryJobsReturnItemStatus;
  'current-progress': Int;
  'total-progress': Int;
  error?: string | undefined;
}

/** `status` in the result of `query-jobs`. */
export type QueryJobsReturnItemStatus =
  | 'undefined'
  | 'created'
  | 'running'
  | 'paused'
  | 'ready'
  | 'standby'
  | 'waiting'
  | 'pending'
  | 'aborting'
  | 'concluded'
  | 'null';

/** Result of `query-kvm`. */
export interface QueryKvmReturn {
  enabled: boolean;
  present: boolean;
}

/** Result of `query-machines`. */
export interface QueryMachinesReturnItem {
  name: string;
  alias?: string | undefined;
  'is-default'?: boolean | undefined;
  'cpu-max': Int;
  'hotpluggable-cpus': boolean;
  'numa-mem-supported': boolean;
  deprecated: boolean;
  'default-cpu-type'?: string | undefined;
  'default-ram-id'?: string | undefined;
}

/** Result of `query-memdev`. */
export interface QueryMemdevReturnItem {
  id?: string | undefined;
  size: Int;
  merge: boolean;
  dump: boolean;
  prealloc: boolean;
  share: boolean;
  reserve?: boolean | undefined;
  'host-nodes': readonly Int[];
  policy: QueryMemdevReturnItemPolicy;
}

/** `policy` in the result of `query-memdev`. */
export type QueryMemdevReturnItemPolicy = 'default' | 'preferred' | 'bind' | 'interleave';

/** Result of `query-memory-devices`. */
export type QueryMemoryDevicesReturnItem =
  | ({ type: 'dimm' } & QueryMemoryDevicesReturnItemDimm)
  | ({ type: 'nvdimm' } & QueryMemoryDevicesReturnItemDimm)
  | ({ type: 'virtio-pmem' } & QueryMemoryDevicesReturnItemVirtioPmem)
  | ({ type: 'virtio-mem' } & QueryMemoryDevicesReturnItemVirtioMem)
  | ({ type: 'sgx-epc' } & QueryMemoryDevicesReturnItemSgxEpc);

/** Variant `dimm` of the result of `query-memory-devices`. */
export interface QueryMemoryDevicesReturnItemDimm {
  data: QueryMemoryDevicesReturnItemDimmData;
}

/** `data` in the variant `dimm` of the result of `query-memory-devices`. */
export interface QueryMemoryDevicesReturnItemDimmData {
  id?: string | undefined;
  addr: Int;
  size: Int;
  slot: Int;
  node: Int;
  memdev: string;
  hotplugged: boolean;
  hotpluggable: boolean;
}

/** Variant `sgx-epc` of the result of `query-memory-devices`. */
export interface QueryMemoryDevicesReturnItemSgxEpc {
  data: QueryMemoryDevicesReturnItemSgxEpcData;
}

/** `data` in the variant `sgx-epc` of the result of `query-memory-devices`. */
export interface QueryMemoryDevicesReturnItemSgxEpcData {
  id?: string | undefined;
  memaddr: Int;
  size: Int;
  node: Int;
  memdev: string;
}

/** `type` in the result of `query-memory-devices`. */
export type QueryMemoryDevicesReturnItemType =
  'dimm' | 'nvdimm' | 'virtio-pmem' | 'virtio-mem' | 'sgx-epc';

/** Variant `virtio-mem` of the result of `query-memory-devices`. */
export interface QueryMemoryDevicesReturnItemVirtioMem {
  data: QueryMemoryDevicesReturnItemVirtioMemData;
}

/** `data` in the variant `virtio-mem` of the result of `query-memory-devices`. */
export interface QueryMemoryDevicesReturnItemVirtioMemData {
  id?: string | undefined;
  memaddr: Int;
  'requested-size': Int;
  size: Int;
  'max-size': Int;
  'block-size': Int;
  node: Int;
  memdev: string;
}

/** Variant `virtio-pmem` of the result of `query-memory-devices`. */
export interface QueryMemoryDevicesReturnItemVirtioPmem {
  data: QueryMemoryDevicesReturnItemVirtioPmemData;
}

/** `data` in the variant `virtio-pmem` of the result of `query-memory-devices`. */
export interface QueryMemoryDevicesReturnItemVirtioPmemData {
  id?: string | undefined;
  memaddr: Int;
  size: Int;
  memdev: string;
}

/** Result of `query-memory-size-summary`. */
export interface QueryMemorySizeSummaryReturn {
  'base-memory': Int;
  'plugged-memory'?: Int | undefined;
}

/** Result of `query-mice`. */
export interface QueryMiceReturnItem {
  name: string;
  index: Int;
  current: boolean;
  absolute: boolean;
}

/** Result of `query-migrate-capabilities`. */
export interface QueryMigrateCapabilitiesReturnItem {
  capability: QueryMigrateCapabilitiesReturnItemCapability;
  state: boolean;
}

/** `capability` in the result of `query-migrate-capabilities`. */
export type QueryMigrateCapabilitiesReturnItemCapability =
  | 'xbzrle'
  | 'rdma-pin-all'
  | 'auto-converge'
  | 'zero-blocks'
  | 'compress'
  | 'events'
  | 'postcopy-ram'
  /** @experimental unstable */
  | 'x-colo'
  | 'release-ram'
  | 'block'
  | 'return-path'
  | 'pause-before-switchover'
  | 'multifd'
  | 'dirty-bitmaps'
  | 'postcopy-blocktime'
  | 'late-block-activate'
  /** @experimental unstable */
  | 'x-ignore-shared'
  | 'validate-uuid'
  | 'background-snapshot'
  | 'zero-copy-send'
  | 'postcopy-preempt';

/** Result of `query-migrate-parameters`. */
export interface QueryMigrateParametersReturn {
  'announce-initial'?: Int | undefined;
  'announce-max'?: Int | undefined;
  'announce-rounds'?: Int | undefined;
  'announce-step'?: Int | undefined;
  'compress-level'?: Int | undefined;
  'compress-threads'?: Int | undefined;
  'compress-wait-thread'?: boolean | undefined;
  'decompress-threads'?: Int | undefined;
  'throttle-trigger-threshold'?: Int | undefined;
  'cpu-throttle-initial'?: Int | undefined;
  'cpu-throttle-increment'?: Int | undefined;
  'cpu-throttle-tailslow'?: boolean | undefined;
  'tls-creds'?: string | undefined;
  'tls-hostname'?: string | undefined;
  'tls-authz'?: string | undefined;
  'max-bandwidth'?: Int | undefined;
  'downtime-limit'?: Int | undefined;
  /** @experimental unstable */
  'x-checkpoint-delay'?: Int | undefined;
  'block-incremental'?: boolean | undefined;
  'multifd-channels'?: Int | undefined;
  'xbzrle-cache-size'?: Int | undefined;
  'max-postcopy-bandwidth'?: Int | undefined;
  'max-cpu-throttle'?: Int | undefined;
  'multifd-compression'?: QueryMigrateParametersReturnMultifdCompression | undefined;
  'multifd-zlib-level'?: Int | undefined;
  'multifd-zstd-level'?: Int | undefined;
  'block-bitmap-mapping'?: readonly QueryMigrateParametersReturnBlockBitmapMapping[] | undefined;
}

/** `block-bitmap-mapping` in the result of `query-migrate-parameters`. */
export interface QueryMigrateParametersReturnBlockBitmapMapping {
  'node-name': string;
  alias: string;
  bitmaps: readonly QueryMigrateParametersReturnBlockBitmapMappingBitmaps[];
}

/** `bitmaps` in the `block-bitmap-mapping` in the result of `query-migrate-parameters`. */
export interface QueryMigrateParametersReturnBlockBitmapMappingBitmaps {
  name: string;
  alias: string;
  transform?: QueryMigrateParametersReturnBlockBitmapMappingBitmapsTransform | undefined;
}

/** `transform` in the `bitmaps` in the `block-bitmap-mapping` in the result of `query-migrate-parameters`. */
export interface QueryMigrateParametersReturnBlockBitmapMappingBitmapsTransform {
  persistent?: boolean | undefined;
}

/** `multifd-compression` in the result of `query-migrate-parameters`. */
export type QueryMigrateParametersReturnMultifdCompression = 'none' | 'zlib' | 'zstd';

/** Result of `query-migrate`. */
export interface QueryMigrateReturn {
  status?: MigrationEventStatus | undefined;
  ram?: QueryMigrateReturnRam | undefined;
  disk?: QueryMigrateReturnRam | undefined;
  vfio?: QueryMigrateReturnVfio | undefined;
  'xbzrle-cache'?: QueryMigrateReturnXbzrleCache | undefined;
  'total-time'?: Int | undefined;
  'expected-downtime'?: Int | undefined;
  downtime?: Int | undefined;
  'setup-time'?: Int | undefined;
  'cpu-throttle-percentage'?: Int | undefined;
  'error-desc'?: string | undefined;
  'blocked-reasons'?: readonly string[] | undefined;
  'postcopy-blocktime'?: Int | undefined;
  'postcopy-vcpu-blocktime'?: readonly Int[] | undefined;
  compression?: QueryMigrateReturnCompression | undefined;
  'socket-address'?: readonly NetdevAddArgumentsDgramLocal[] | undefined;
}

/** `compression` in the result of `query-migrate`. */
export interface QueryMigrateReturnCompression {
  pages: Int;
  busy: Int;
  'busy-rate': number;
  'compressed-size': Int;
  'compression-rate': number;
}

/** `ram` in the result of `query-migrate`. */
export interface QueryMigrateReturnRam {
  transferred: Int;
  remaining: Int;
  total: Int;
  duplicate: Int;
  skipped: Int;
  normal: Int;
  'normal-bytes': Int;
  'dirty-pages-rate': Int;
  mbps: number;
  'dirty-sync-count': Int;
  'postcopy-requests': Int;
  'page-size': Int;
  'multifd-bytes': Int;
  'pages-per-second': Int;
  'precopy-bytes': Int;
  'downtime-bytes': Int;
  'postcopy-bytes': Int;
  'dirty-sync-missed-zero-copy': Int;
}

/** `vfio` in the result of `query-migrate`. */
export interface QueryMigrateReturnVfio {
  transferred: Int;
}

/** `xbzrle-cache` in the result of `query-migrate`. */
export interface QueryMigrateReturnXbzrleCache {
  'cache-size': Int;
  bytes: Int;
  pages: Int;
  'cache-miss': Int;
  'cache-miss-rate': number;
  'encoding-rate': number;
  overflow: Int;
}

/** Result of `query-name`. */
export interface QueryNameReturn {
  name?: string | undefined;
}

/** Arguments of `query-named-block-nodes`. */
export interface QueryNamedBlockNodesArguments {
  flat?: boolean | undefined;
}

/** Result of `query-pci`. */
export interface QueryPciReturnItem {
  bus: Int;
  devices: readonly QueryPciReturnItemDevices[];
}

/** `devices` in the result of `query-pci`. */
export interface QueryPciReturnItemDevices {
  bus: Int;
  slot: Int;
  function: Int;
  class_info: QueryPciReturnItemDevicesClassInfo;
  id: QueryPciReturnItemDevicesId;
  irq?: Int | undefined;
  irq_pin: Int;
  qdev_id: string;
  pci_bridge?: QueryPciReturnItemDevicesPciBridge | undefined;
  regions: readonly QueryPciReturnItemDevicesRegions[];
}

/** `class_info` in the `devices` in the result of `query-pci`. */
export interface QueryPciReturnItemDevicesClassInfo {
  desc?: string | undefined;
  class: Int;
}

/** `id` in the `devices` in the result of `query-pci`. */
export interface QueryPciReturnItemDevicesId {
  device: Int;
  vendor: Int;
  subsystem?: Int | undefined;
  'subsystem-vendor'?: Int | undefined;
}

/** `pci_bridge` in the `devices` in the result of `query-pci`. */
export interface QueryPciReturnItemDevicesPciBridge {
  bus: QueryPciReturnItemDevicesPciBridgeBus;
  devices?: readonly QueryPciReturnItemDevices[] | undefined;
}

/** `bus` in the `pci_bridge` in the `devices` in the result of `query-pci`. */
export interface QueryPciReturnItemDevicesPciBridgeBus {
  number: Int;
  secondary: Int;
  subordinate: Int;
  io_range: QueryPciReturnItemDevicesPciBridgeBusIoRange;
  memory_range: QueryPciReturnItemDevicesPciBridgeBusIoRange;
  prefetchable_range: QueryPciReturnItemDevicesPciBridgeBusIoRange;
}

/** `io_range` in the `bus` in the `pci_bridge` in the `devices` in the result of `query-pci`. */
export interface QueryPciReturnItemDevicesPciBridgeBusIoRange {
  base: Int;
  limit: Int;
}

/** `regions` in the `devices` in the result of `query-pci`. */
export interface QueryPciReturnItemDevicesRegions {
  bar: Int;
  type: string;
  address: Int;
  size: Int;
  prefetch?: boolean | undefined;
  mem_type_64?: boolean | undefined;
}

/** Result of `query-pr-managers`. */
export interface QueryPrManagersReturnItem {
  id: string;
  connected: boolean;
}

/** Result of `query-qmp-schema`. */
export type QueryQmpSchemaReturnItem = {
  name: string;
  features?: readonly string[] | undefined;
} & (
  | ({ 'meta-type': 'builtin' } & QueryQmpSchemaReturnItemBuiltin)
  | ({ 'meta-type': 'enum' } & QueryQmpSchemaReturnItemEnum)
  | ({ 'meta-type': 'array' } & QueryQmpSchemaReturnItemArray)
  | ({ 'meta-type': 'object' } & QueryQmpSchemaReturnItemObject)
  | ({ 'meta-type': 'alternate' } & QueryQmpSchemaReturnItemAlternate)
  | ({ 'meta-type': 'command' } & QueryQmpSchemaReturnItemCommand)
  | ({ 'meta-type': 'event' } & QueryQmpSchemaReturnItemEvent)
);

/** Variant `alternate` of the result of `query-qmp-schema`. */
export interface QueryQmpSchemaReturnItemAlternate {
  members: readonly QueryQmpSchemaReturnItemAlternateMembers[];
}

/** `members` in the variant `alternate` of the result of `query-qmp-schema`. */
export interface QueryQmpSchemaReturnItemAlternateMembers {
  type: string;
}

/** Variant `array` of the result of `query-qmp-schema`. */
export interface QueryQmpSchemaReturnItemArray {
  'element-type': string;
}

/** Variant `builtin` of the result of `query-qmp-schema`. */
export interface QueryQmpSchemaReturnItemBuiltin {
  'json-type': QueryQmpSchemaReturnItemBuiltinJsonType;
}

/** `json-type` in the variant `builtin` of the result of `query-qmp-schema`. */
export type QueryQmpSchemaReturnItemBuiltinJsonType =
  'string' | 'number' | 'int' | 'boolean' | 'null' | 'object' | 'array' | 'value';

/** Variant `command` of the result of `query-qmp-schema`. */
export interface QueryQmpSchemaReturnItemCommand {
  'arg-type': string;
  'ret-type': string;
  'allow-oob'?: boolean | undefined;
}

/** Variant `enum` of the result of `query-qmp-schema`. */
export interface QueryQmpSchemaReturnItemEnum {
  members: readonly QueryQmpSchemaReturnItemEnumMembers[];
  /** @deprecated */
  values: readonly string[];
}

/** `members` in the variant `enum` of the result of `query-qmp-schema`. */
export interface QueryQmpSchemaReturnItemEnumMembers {
  name: string;
  features?: readonly string[] | undefined;
}

/** Variant `event` of the result of `query-qmp-schema`. */
export interface QueryQmpSchemaReturnItemEvent {
  'arg-type': string;
}

/** `meta-type` in the result of `query-qmp-schema`. */
export type QueryQmpSchemaReturnItemMetaType =
  'builtin' | 'enum' | 'array' | 'object' | 'alternate' | 'command' | 'event';

/** Variant `object` of the result of `query-qmp-schema`. */
export interface QueryQmpSchemaReturnItemObject {
  members: readonly QueryQmpSchemaReturnItemObjectMembers[];
  tag?: string | undefined;
  variants?: readonly QueryQmpSchemaReturnItemObjectVariants[] | undefined;
}

/** `members` in the variant `object` of the result of `query-qmp-schema`. */
export interface QueryQmpSchemaReturnItemObjectMembers {
  name: string;
  type: string;
  default?: JsonValue | undefined;
  features?: readonly string[] | undefined;
}

/** `variants` in the variant `object` of the result of `query-qmp-schema`. */
export interface QueryQmpSchemaReturnItemObjectVariants {
  case: string;
  type: string;
}

/** Result of `query-replay`. */
export interface QueryReplayReturn {
  mode: QueryReplayReturnMode;
  filename?: string | undefined;
  icount: Int;
}

/** `mode` in the result of `query-replay`. */
export type QueryReplayReturnMode = 'none' | 'record' | 'play';

/** Arguments of `query-rocker`. */
export interface QueryRockerArguments {
  name: string;
}

/** Arguments of `query-rocker-of-dpa-flows`. */
export interface QueryRockerOfDpaFlowsArguments {
  name: string;
  'tbl-id'?: Int | undefined;
}

/** Result of `query-rocker-of-dpa-flows`. */
export interface QueryRockerOfDpaFlowsReturnItem {
  cookie: Int;
  hits: Int;
  key: QueryRockerOfDpaFlowsReturnItemKey;
  mask: QueryRockerOfDpaFlowsReturnItemMask;
  action: QueryRockerOfDpaFlowsReturnItemAction;
}

/** `action` in the result of `query-rocker-of-dpa-flows`. */
export interface QueryRockerOfDpaFlowsReturnItemAction {
  'goto-tbl'?: Int | undefined;
  'group-id'?: Int | undefined;
  'tunnel-lport'?: Int | undefined;
  'vlan-id'?: Int | undefined;
  'new-vlan-id'?: Int | undefined;
  'out-pport'?: Int | undefined;
}

/** `key` in the result of `query-rocker-of-dpa-flows`. */
export interface QueryRockerOfDpaFlowsReturnItemKey {
  priority: Int;
  'tbl-id': Int;
  'in-pport'?: Int | undefined;
  'tunnel-id'?: Int | undefined;
  'vlan-id'?: Int | undefined;
  'eth-type'?: Int | undefined;
  'eth-src'?: string | undefined;
  'eth-dst'?: string | undefined;
  'ip-proto'?: Int | undefined;
  'ip-tos'?: Int | undefined;
  'ip-dst'?: string | undefined;
}

/** `mask` in the result of `query-rocker-of-dpa-flows`. */
export interface QueryRockerOfDpaFlowsReturnItemMask {
  'in-pport'?: Int | undefined;
  'tunnel-id'?: Int | undefined;
  'vlan-id'?: Int | undefined;
  'eth-src'?: string | undefined;
  'eth-dst'?: string | undefined;
  'ip-proto'?: Int | undefined;
  'ip-tos'?: Int | undefined;
}

/** Arguments of `query-rocker-of-dpa-groups`. */
export interface QueryRockerOfDpaGroupsArguments {
  name: string;
  type?: Int | undefined;
}

/** Result of `query-rocker-of-dpa-groups`. */
export interface QueryRockerOfDpaGroupsReturnItem {
  id: Int;
  type: Int;
  'vlan-id'?: Int | undefined;
  pport?: Int | undefined;
  index?: Int | undefined;
  'out-pport'?: Int | undefined;
  'group-id'?: Int | undefined;
  'set-vlan-id'?: Int | undefined;
  'pop-vlan'?: Int | undefined;
  'group-ids'?: readonly Int[] | undefined;
  'set-eth-src'?: string | undefined;
  'set-eth-dst'?: string | undefined;
  'ttl-check'?: Int | undefined;
}

/** Arguments of `query-rocker-ports`. */
export interface QueryRockerPortsArguments {
  name: string;
}

/** Result of `query-rocker-ports`. */
export interface QueryRockerPortsReturnItem {
  name: string;
  enabled: boolean;
  'link-up': boolean;
  speed: Int;
  duplex: QueryRockerPortsReturnItemDuplex;
  autoneg: QueryRockerPortsReturnItemAutoneg;
}

/** `autoneg` in the result of `query-rocker-ports`. */
export type QueryRockerPortsReturnItemAutoneg = 'off' | 'on';

/** `duplex` in the result of `query-rocker-ports`. */
export type QueryRockerPortsReturnItemDuplex = 'half' | 'full';

/** Result of `query-rocker`. */
export interface QueryRockerReturn {
  name: string;
  id: Int;
  ports: Int;
}

/** Arguments of `query-rx-filter`. */
export interface QueryRxFilterArguments {
  name?: string | undefined;
}

/** Result of `query-rx-filter`. */
export interface QueryRxFilterReturnItem {
  name: string;
  promiscuous: boolean;
  multicast: QueryRxFilterReturnItemVlan;
  unicast: QueryRxFilterReturnItemVlan;
  vlan: QueryRxFilterReturnItemVlan;
  'broadcast-allowed': boolean;
  'multicast-overflow': boolean;
  'unicast-overflow': boolean;
  'main-mac': string;
  'vlan-table': readonly Int[];
  'unicast-table': readonly string[];
  'multicast-table': readonly string[];
}

/** `vlan` in the result of `query-rx-filter`. */
export type QueryRxFilterReturnItemVlan = 'normal' | 'none' | 'all';

/** Arguments of `query-sev-attestation-report`. */
export interface QuerySevAttestationReportArguments {
  mnonce: string;
}

/** Result of `query-sev-attestation-report`. */
export interface QuerySevAttestationReportReturn {
  data: string;
}

/** Result of `query-sev-capabilities`. */
export interface QuerySevCapabilitiesReturn {
  pdh: string;
  'cert-chain': string;
  'cpu0-id': string;
  cbitpos: Int;
  'reduced-phys-bits': Int;
}

/** Result of `query-sev-launch-measure`. */
export interface QuerySevLaunchMeasureReturn {
  data: string;
}

/** Result of `query-sev`. */
export interface QuerySevReturn {
  enabled: boolean;
  'api-major': Int;
  'api-minor': Int;
  'build-id': Int;
  policy: Int;
  state: QuerySevReturnState;
  handle: Int;
}

/** `state` in the result of `query-sev`. */
export type QuerySevReturnState =
  'uninit' | 'launch-update' | 'launch-secret' | 'running' | 'send-update' | 'receive-update';

/** Result of `query-sgx`. */
export interface QuerySgxReturn {
  sgx: boolean;
  sgx1: boolean;
  sgx2: boolean;
  flc: boolean;
  /** @deprecated */
  'section-size': Int;
  sections: readonly QuerySgxReturnSections[];
}

/** `sections` in the result of `query-sgx`. */
export interface QuerySgxReturnSections {
  node: Int;
  size: Int;
}

/** Result of `query-spice`. */
export interface QuerySpiceReturn {
  enabled: boolean;
  migrated: boolean;
  host?: string | undefined;
  port?: Int | undefined;
  'tls-port'?: Int | undefined;
  auth?: string | undefined;
  'compiled-version'?: string | undefined;
  'mouse-mode': QuerySpiceReturnMouseMode;
  channels?: readonly QuerySpiceReturnChannels[] | undefined;
}

/** `channels` in the result of `query-spice`. */
export interface QuerySpiceReturnChannels {
  host: string;
  port: string;
  family: QueryVncReturnFamily;
  'connection-id': Int;
  'channel-type': Int;
  'channel-id': Int;
  tls: boolean;
}

/** `mouse-mode` in the result of `query-spice`. */
export type QuerySpiceReturnMouseMode = 'client' | 'server' | 'unknown';

/** Arguments of `query-stats`. */
export type QueryStatsArguments = {
  providers?: readonly QueryStatsArgumentsProviders[] | undefined;
} & (({ target: 'vcpu' } & QueryStatsArgumentsVcpu) | { target: 'vm' });

/** `providers` in the arguments of `query-stats`. */
export interface QueryStatsArgumentsProviders {
  provider: QueryStatsReturnItemProvider;
  names?: readonly string[] | undefined;
}

/** `target` in the arguments of `query-stats`. */
export type QueryStatsArgumentsTarget = 'vm' | 'vcpu';

/** Variant `vcpu` of the arguments of `query-stats`. */
export interface QueryStatsArgumentsVcpu {
  vcpus?: readonly string[] | undefined;
}

/** Result of `query-stats`. */
export interface QueryStatsReturnItem {
  provider: QueryStatsReturnItemProvider;
  'qom-path'?: string | undefined;
  stats: readonly QueryStatsReturnItemStats[];
}

/** `provider` in the result of `query-stats`. */
export type QueryStatsReturnItemProvider = 'kvm';

/** `stats` in the result of `query-stats`. */
export interface QueryStatsReturnItemStats {
  name: string;
  value: QueryStatsReturnItemStatsValue;
}

/** `value` in the `stats` in the result of `query-stats`. */
export type QueryStatsReturnItemStatsValue = Int | boolean | readonly Int[];

/** Arguments of `query-stats-schemas`. */
export interface QueryStatsSchemasArguments {
  provider?: QueryStatsReturnItemProvider | undefined;
}

/** Result of `query-stats-schemas`. */
export interface QueryStatsSchemasReturnItem {
  provider: QueryStatsReturnItemProvider;
  target: QueryStatsArgumentsTarget;
  stats: readonly QueryStatsSchemasReturnItemStats[];
}

/** `stats` in the result of `query-stats-schemas`. */
export interface QueryStatsSchemasReturnItemStats {
  name: string;
  type: QueryStatsSchemasReturnItemStatsType;
  unit?: QueryStatsSchemasReturnItemStatsUnit | undefined;
  base?: Int | undefined;
  exponent: Int;
  'bucket-size'?: Int | undefined;
}

/** `type` in the `stats` in the result of `query-stats-schemas`. */
export type QueryStatsSchemasReturnItemStatsType =
  'cumulative' | 'instant' | 'peak' | 'linear-histogram' | 'log2-histogram';

/** `unit` in the `stats` in the result of `query-stats-schemas`. */
export type QueryStatsSchemasReturnItemStatsUnit = 'bytes' | 'seconds' | 'cycles' | 'boolean';

/** Result of `query-status`. */
export interface QueryStatusReturn {
  running: boolean;
  singlestep: boolean;
  status: QueryStatusReturnStatus;
}

/** `status` in the result of `query-status`. */
export type QueryStatusReturnStatus =
  | 'debug'
  | 'inmigrate'
  | 'internal-error'
  | 'io-error'
  | 'paused'
  | 'postmigrate'
  | 'prelaunch'
  | 'finish-migrate'
  | 'restore-vm'
  | 'running'
  | 'save-vm'
  | 'shutdown'
  | 'suspended'
  | 'watchdog'
  | 'guest-panicked'
  | 'colo';

/** Result of `query-target`. */
export interface QueryTargetReturn {
  arch: QueryTargetReturnArch;
}

/** `arch` in the result of `query-target`. */
export type QueryTargetReturnArch =
  | 'aarch64'
  | 'alpha'
  | 'arm'
  | 'avr'
  | 'cris'
  | 'hppa'
  | 'i386'
  | 'loongarch64'
  | 'm68k'
  | 'microblaze'
  | 'microblazeel'
  | 'mips'
  | 'mips64'
  | 'mips64el'
  | 'mipsel'
  | 'nios2'
  | 'or1k'
  | 'ppc'
  | 'ppc64'
  | 'riscv32'
  | 'riscv64'
  | 'rx'
  | 's390x'
  | 'sh4'
  | 'sh4eb'
  | 'sparc'
  | 'sparc64'
  | 'tricore'
  | 'x86_64'
  | 'xtensa'
  | 'xtensaeb';

/** Result of `query-tpm`. */
export interface QueryTpmReturnItem {
  id: string;
  model: QueryTpmReturnItemModel;
  options: QueryTpmReturnItemOptions;
}

/** `model` in the result of `query-tpm`. */
export type QueryTpmReturnItemModel = 'tpm-tis' | 'tpm-crb' | 'tpm-spapr';

/** `options` in the result of `query-tpm`. */
export type QueryTpmReturnItemOptions =
  | ({ type: 'passthrough' } & QueryTpmReturnItemOptionsPassthrough)
  | ({ type: 'emulator' } & QueryTpmReturnItemOptionsEmulator);

/** Variant `emulator` of the `options` in the result of `query-tpm`. */
export interface QueryTpmReturnItemOptionsEmulator {
  data: QueryTpmReturnItemOptionsEmulatorData;
}

/** `data` in the variant `emulator` of the `options` in the result of `query-tpm`. */
export interface QueryTpmReturnItemOptionsEmulatorData {
  chardev: string;
}

/** Variant `passthrough` of the `options` in the result of `query-tpm`. */
export interface QueryTpmReturnItemOptionsPassthrough {
  data: QueryTpmReturnItemOptionsPassthroughData;
}

/** `data` in the variant `passthrough` of the `options` in the result of `query-tpm`. */
export interface QueryTpmReturnItemOptionsPassthroughData {
  path?: string | undefined;
  'cancel-path'?: string | undefined;
}

/** Result of `query-tpm-types`. */
export type QueryTpmTypesReturnItem = 'passthrough' | 'emulator';

/** Result of `query-uuid`. */
export interface QueryUuidReturn {
  UUID: string;
}

/** Result of `query-vcpu-dirty-limit`. */
export interface QueryVcpuDirtyLimitReturnItem {
  'cpu-index': Int;
  'limit-rate': Int;
  'current-rate': Int;
}

/** Result of `query-version`. */
export interface QueryVersionReturn {
  qemu: QueryVersionReturnQemu;
  package: string;
}

/** `qemu` in the result of `query-version`. */
export interface QueryVersionReturnQemu {
  major: Int;
  minor: Int;
  micro: Int;
}

/** Result of `query-vm-generation-id`. */
export interface QueryVmGenerationIdReturn {
  guid: string;
}

/** Result of `query-vnc`. */
export interface QueryVncReturn {
  enabled: boolean;
  host?: string | undefined;
  family?: QueryVncReturnFamily | undefined;
  service?: string | undefined;
  auth?: string | undefined;
  clients?: readonly QueryVncReturnClients[] | undefined;
}

/** `clients` in the result of `query-vnc`. */
export interface QueryVncReturnClients {
  host: string;
  service: string;
  family: QueryVncReturnFamily;
  websocket: boolean;
  x509_dname?: string | undefined;
  sasl_username?: string | undefined;
}

/** `family` in the result of `query-vnc`. */
export type QueryVncReturnFamily = 'ipv4' | 'ipv6' | 'unix' | 'vsock' | 'unknown';

/** Result of `query-vnc-servers`. */
export interface QueryVncServersReturnItem {
  id: string;
  server: readonly QueryVncServersReturnItemServer[];
  clients: readonly QueryVncReturnClients[];
  auth: QueryVncServersReturnItemAuth;
  vencrypt?: QueryVncServersReturnItemVencrypt | undefined;
  display?: string | undefined;
}

/** `auth` in the result of `query-vnc-servers`. */
export type QueryVncServersReturnItemAuth =
  'none' | 'vnc' | 'ra2' | 'ra2ne' | 'tight' | 'ultra' | 'tls' | 'vencrypt' | 'sasl';

/** `server` in the result of `query-vnc-servers`. */
export interface QueryVncServersReturnItemServer {
  host: string;
  service: string;
  family: QueryVncReturnFamily;
  websocket: boolean;
  auth: QueryVncServersReturnItemAuth;
  vencrypt?: QueryVncServersReturnItemVencrypt | undefined;
}

/** `vencrypt` in the result of `query-vnc-servers`. */
export type QueryVncServersReturnItemVencrypt =
  | 'plain'
  | 'tls-none'
  | 'x509-none'
  | 'tls-vnc'
  | 'x509-vnc'
  | 'tls-plain'
  | 'x509-plain'
  | 'tls-sasl'
  | 'x509-sasl';

/** Result of `query-xen-replication-status`. */
export interface QueryXenReplicationStatusReturn {
  error: boolean;
  desc?: string | undefined;
}

/** Result of `query-yank`. */
export type QueryYankReturnItem =
  | ({ type: 'block-node' } & QueryYankReturnItemBlockNode)
  | ({ type: 'chardev' } & QueryYankReturnItemChardev)
  | { type: 'migration' };

/** Variant `block-node` of the result of `query-yank`. */
export interface QueryYankReturnItemBlockNode {
  'node-name': string;
}

/** Variant `chardev` of the result of `query-yank`. */
export interface QueryYankReturnItemChardev {
  id: string;
}

/** `type` in the result of `query-yank`. */
export type QueryYankReturnItemType = 'block-node' | 'chardev' | 'migration';

/** Data of the event `QUORUM_FAILURE`. */
export interface QuorumFailureEvent {
  reference: string;
  'sector-num': Int;
  'sectors-count': Int;
}

/** Data of the event `QUORUM_REPORT_BAD`. */
export interface QuorumReportBadEvent {
  type: QuorumReportBadEventType;
  error?: string | undefined;
  'node-name': string;
  'sector-num': Int;
  'sectors-count': Int;
}

/** `type` in the data of the event `QUORUM_REPORT_BAD`. */
export type QuorumReportBadEventType = 'read' | 'write' | 'flush';

/** Data of the event `RDMA_GID_STATUS_CHANGED`. */
export interface RdmaGidStatusChangedEvent {
  netdev: string;
  'gid-status': boolean;
  'subnet-prefix': Int;
  'interface-id': Int;
}

/** Arguments of `remove-fd`. */
export interface RemoveFdArguments {
  'fdset-id': Int;
  fd?: Int | undefined;
}

/** Arguments of `replay-break`. */
export interface ReplayBreakArguments {
  icount: Int;
}

/** Arguments of `replay-seek`. */
export interface ReplaySeekArguments {
  icount: Int;
}

/** Data of the event `RESET`. */
export interface ResetEvent {
  guest: boolean;
  reason: ResetEventReason;
}

/** `reason` in the data of the event `RESET`. */
export type ResetEventReason =
  | 'none'
  | 'host-error'
  | 'host-qmp-quit'
  | 'host-qmp-system-reset'
  | 'host-signal'
  | 'host-ui'
  | 'guest-shutdown'
  | 'guest-reset'
  | 'guest-panic'
  | 'subsystem-reset'
  | 'snapshot-load';

/** Arguments of `ringbuf-read`. */
export interface RingbufReadArguments {
  device: string;
  size: Int;
  format?: RingbufReadArgumentsFormat | undefined;
}

/** `format` in the arguments of `ringbuf-read`. */
export type RingbufReadArgumentsFormat = 'utf8' | 'base64';

/** Arguments of `ringbuf-write`. */
export interface RingbufWriteArguments {
  device: string;
  data: string;
  format?: RingbufReadArgumentsFormat | undefined;
}

/** Data of the event `RTC_CHANGE`. */
export interface RtcChangeEvent {
  offset: Int;
  'qom-path': string;
}

/** Arguments of `screendump`. */
export interface ScreendumpArguments {
  filename: string;
  device?: string | undefined;
  head?: Int | undefined;
  format?: ScreendumpArgumentsFormat | undefined;
}

/** `format` in the arguments of `screendump`. */
export type ScreendumpArgumentsFormat = 'ppm' | 'png';

/** Arguments of `send-key`. */
export interface SendKeyArguments {
  keys: readonly SendKeyArgumentsKeys[];
  'hold-time'?: Int | undefined;
}

/** `keys` in the arguments of `send-key`. */
export type SendKeyArgumentsKeys =
  | ({ type: 'number' } & SendKeyArgumentsKeysNumber)
  | ({ type: 'qcode' } & SendKeyArgumentsKeysQcode);

/** Variant `number` of the `keys` in the arguments of `send-key`. */
export interface SendKeyArgumentsKeysNumber {
  data: Int;
}

/** Variant `qcode` of the `keys` in the arguments of `send-key`. */
export interface SendKeyArgumentsKeysQcode {
  data: SendKeyArgumentsKeysQcodeData;
}

/** `data` in the variant `qcode` of the `keys` in the arguments of `send-key`. */
export type SendKeyArgumentsKeysQcodeData =
  | 'unmapped'
  | 'shift'
  | 'shift_r'
  | 'alt'
  | 'alt_r'
  | 'ctrl'
  | 'ctrl_r'
  | 'menu'
  | 'esc'
  | '1'
  | '2'
  | '3'
  | '4'
  | '5'
  | '6'
  | '7'
  | '8'
  | '9'
  | '0'
  | 'minus'
  | 'equal'
  | 'backspace'
  | 'tab'
  | 'q'
  | 'w'
  | 'e'
  | 'r'
  | 't'
  | 'y'
  | 'u'
  | 'i'
  | 'o'
  | 'p'
  | 'bracket_left'
  | 'bracket_right'
  | 'ret'
  | 'a'
  | 's'
  | 'd'
  | 'f'
  | 'g'
  | 'h'
  | 'j'
  | 'k'
  | 'l'
  | 'semicolon'
  | 'apostrophe'
  | 'grave_accent'
  | 'backslash'
  | 'z'
  | 'x'
  | 'c'
  | 'v'
  | 'b'
  | 'n'
  | 'm'
  | 'comma'
  | 'dot'
  | 'slash'
  | 'asterisk'
  | 'spc'
  | 'caps_lock'
  | 'f1'
  | 'f2'
  | 'f3'
  | 'f4'
  | 'f5'
  | 'f6'
  | 'f7'
  | 'f8'
  | 'f9'
  | 'f10'
  | 'num_lock'
  | 'scroll_lock'
  | 'kp_divide'
  | 'kp_multiply'
  | 'kp_subtract'
  | 'kp_add'
  | 'kp_enter'
  | 'kp_decimal'
  | 'sysrq'
  | 'kp_0'
  | 'kp_1'
  | 'kp_2'
  | 'kp_3'
  | 'kp_4'
  | 'kp_5'
  | 'kp_6'
  | 'kp_7'
  | 'kp_8'
  | 'kp_9'
  | 'less'
  | 'f11'
  | 'f12'
  | 'print'
  | 'home'
  | 'pgup'
  | 'pgdn'
  | 'end'
  | 'left'
  | 'up'
  | 'down'
  | 'right'
  | 'insert'
  | 'delete'
  | 'stop'
  | 'again'
  | 'props'
  | 'undo'
  | 'front'
  | 'copy'
  | 'open'
  | 'paste'
  | 'find'
  | 'cut'
  | 'lf'
  | 'help'
  | 'meta_l'
  | 'meta_r'
  | 'compose'
  | 'pause'
  | 'ro'
  | 'hiragana'
  | 'henkan'
  | 'yen'
  | 'muhenkan'
  | 'katakanahiragana'
  | 'kp_comma'
  | 'kp_equals'
  | 'power'
  | 'sleep'
  | 'wake'
  | 'audionext'
  | 'audioprev'
  | 'audiostop'
  | 'audioplay'
  | 'audiomute'
  | 'volumeup'
  | 'volumedown'
  | 'mediaselect'
  | 'mail'
  | 'calculator'
  | 'computer'
  | 'ac_home'
  | 'ac_back'
  | 'ac_forward'
  | 'ac_refresh'
  | 'ac_bookmarks'
  | 'lang1'
  | 'lang2';

/** `type` in the `keys` in the arguments of `send-key`. */
export type SendKeyArgumentsKeysType = 'number' | 'qcode';

/** Arguments of `set-action`. */
export interface SetActionArguments {
  reboot?: SetActionArgumentsReboot | undefined;
  shutdown?: SetActionArgumentsShutdown | undefined;
  panic?: SetActionArgumentsPanic | undefined;
  watchdog?: WatchdogEventAction | undefined;
}

/** `panic` in the arguments of `set-action`. */
export type SetActionArgumentsPanic = 'pause' | 'shutdown' | 'exit-failure' | 'none';

/** `reboot` in the arguments of `set-action`. */
export type SetActionArgumentsReboot = 'reset' | 'shutdown';

/** `shutdown` in the arguments of `set-action`. */
export type SetActionArgumentsShutdown = 'poweroff' | 'pause';

/** Arguments of `set_link`. */
export interface SetLinkArguments {
  name: string;
  up: boolean;
}

/** Arguments of `set-numa-node`. */
export type SetNumaNodeArguments =
  | ({ type: 'node' } & SetNumaNodeArgumentsNode)
  | ({ type: 'dist' } & SetNumaNodeArgumentsDist)
  | ({ type: 'cpu' } & SetNumaNodeArgumentsCpu)
  | ({ type: 'hmat-lb' } & SetNumaNodeArgumentsHmatLb)
  | ({ type: 'hmat-cache' } & SetNumaNodeArgumentsHmatCache);

/** Variant `cpu` of the arguments of `set-numa-node`. */
export interface SetNumaNodeArgumentsCpu {
  'node-id'?: Int | undefined;
  'socket-id'?: Int | undefined;
  'die-id'?: Int | undefined;
  'cluster-id'?: Int | undefined;
  'core-id'?: Int | undefined;
  'thread-id'?: Int | undefined;
}

/** Variant `dist` of the arguments of `set-numa-node`. */
export interface SetNumaNodeArgumentsDist {
  src: Int;
  dst: Int;
  val: Int;
}

/** Variant `hmat-cache` of the arguments of `set-numa-node`. */
export interface SetNumaNodeArgumentsHmatCache {
  'node-id': Int;
  size: Int;
  level: Int;
  associativity: SetNumaNodeArgumentsHmatCacheAssociativity;
  policy: SetNumaNodeArgumentsHmatCachePolicy;
  line: Int;
}

/** `associativity` in the variant `hmat-cache` of the arguments of `set-numa-node`. */
export type SetNumaNodeArgumentsHmatCacheAssociativity = 'none' | 'direct' | 'complex';

/** `policy` in the variant `hmat-cache` of the arguments of `set-numa-node`. */
export type SetNumaNodeArgumentsHmatCachePolicy = 'none' | 'write-back' | 'write-through';

/** Variant `hmat-lb` of the arguments of `set-numa-node`. */
export interface SetNumaNodeArgumentsHmatLb {
  initiator: Int;
  target: Int;
  hierarchy: SetNumaNodeArgumentsHmatLbHierarchy;
  'data-type': SetNumaNodeArgumentsHmatLbDataType;
  latency?: Int | undefined;
  bandwidth?: Int | undefined;
}

/** `data-type` in the variant `hmat-lb` of the arguments of `set-numa-node`. */
export type SetNumaNodeArgumentsHmatLbDataType =
  | 'access-latency'
  | 'read-latency'
  | 'write-latency'
  | 'access-bandwidth'
  | 'read-bandwidth'
  | 'write-bandwidth';

/** `hierarchy` in the variant `hmat-lb` of the arguments of `set-numa-node`. */
export type SetNumaNodeArgumentsHmatLbHierarchy =
  'memory' | 'first-level' | 'second-level' | 'third-level';

/** Variant `node` of the arguments of `set-numa-node`. */
export interface SetNumaNodeArgumentsNode {
  nodeid?: Int | undefined;
  cpus?: readonly Int[] | undefined;
  mem?: Int | undefined;
  memdev?: string | undefined;
  initiator?: Int | undefined;
}

/** `type` in the arguments of `set-numa-node`. */
export type SetNumaNodeArgumentsType = 'node' | 'dist' | 'cpu' | 'hmat-lb' | 'hmat-cache';

/** Arguments of `set_password`. */
export type SetPasswordArguments = {
  password: string;
  connected?: SetPasswordArgumentsConnected | undefined;
} & (({ protocol: 'vnc' } & SetPasswordArgumentsVnc) | { protocol: 'spice' });

/** `connected` in the arguments of `set_password`. */
export type SetPasswordArgumentsConnected = 'keep' | 'fail' | 'disconnect';

/** `protocol` in the arguments of `set_password`. */
export type SetPasswordArgumentsProtocol = 'vnc' | 'spice';

/** Variant `vnc` of the arguments of `set_password`. */
export interface SetPasswordArgumentsVnc {
  display?: string | undefined;
}

/** Arguments of `set-vcpu-dirty-limit`. */
export interface SetVcpuDirtyLimitArguments {
  'cpu-index'?: Int | undefined;
  'dirty-rate': Int;
}

/** Arguments of `sev-inject-launch-secret`. */
export interface SevInjectLaunchSecretArguments {
  'packet-header': string;
  secret: string;
  gpa?: Int | undefined;
}

/** Data of the event `SHUTDOWN`. */
export interface ShutdownEvent {
  guest: boolean;
  reason: ResetEventReason;
}

/** Arguments of `snapshot-delete`. */
export interface SnapshotDeleteArguments {
  'job-id': string;
  tag: string;
  devices: readonly string[];
}

/** Arguments of `snapshot-load`. */
export interface SnapshotLoadArguments {
  'job-id': string;
  tag: string;
  vmstate: string;
  devices: readonly string[];
}

/** Arguments of `snapshot-save`. */
export interface SnapshotSaveArguments {
  'job-id': string;
  tag: string;
  vmstate: string;
  devices: readonly string[];
}

/** Data of the event `SPICE_CONNECTED`. */
export interface SpiceConnectedEvent {
  server: SpiceConnectedEventClient;
  client: SpiceConnectedEventClient;
}

/** `client` in the data of the event `SPICE_CONNECTED`. */
export interface SpiceConnectedEventClient {
  host: string;
  port: string;
  family: QueryVncReturnFamily;
}

/** Data of the event `SPICE_DISCONNECTED`. */
export interface SpiceDisconnectedEvent {
  server: SpiceConnectedEventClient;
  client: SpiceConnectedEventClient;
}

/** Data of the event `SPICE_INITIALIZED`. */
export interface SpiceInitializedEvent {
  server: SpiceInitializedEventServer;
  client: QuerySpiceReturnChannels;
}

/** `server` in the data of the event `SPICE_INITIALIZED`. */
export interface SpiceInitializedEventServer {
  host: string;
  port: string;
  family: QueryVncReturnFamily;
  auth?: string | undefined;
}

/** Arguments of `trace-event-get-state`. */
export interface TraceEventGetStateArguments {
  name: string;
  vcpu?: Int | undefined;
}

/** Result of `trace-event-get-state`. */
export interface TraceEventGetStateReturnItem {
  name: string;
  state: TraceEventGetStateReturnItemState;
  vcpu: boolean;
}

/** `state` in the result of `trace-event-get-state`. */
export type TraceEventGetStateReturnItemState = 'unavailable' | 'disabled' | 'enabled';

/** Arguments of `trace-event-set-state`. */
export interface TraceEventSetStateArguments {
  name: string;
  enable: boolean;
  'ignore-unavailable'?: boolean | undefined;
  vcpu?: Int | undefined;
}

/** Arguments of `transaction`. */
export interface TransactionArguments {
  actions: readonly TransactionArgumentsActions[];
  properties?: TransactionArgumentsProperties | undefined;
}

/** `actions` in the arguments of `transaction`. */
export type TransactionArgumentsActions =
  | ({ type: 'abort' } & TransactionArgumentsActionsAbort)
  | ({ type: 'block-dirty-bitmap-add' } & TransactionArgumentsActionsBlockDirtyBitmapAdd)
  | ({ type: 'block-dirty-bitmap-remove' } & TransactionArgumentsActionsBlockDirtyBitmapClear)
  | ({ type: 'block-dirty-bitmap-clear' } & TransactionArgumentsActionsBlockDirtyBitmapClear)
  | ({ type: 'block-dirty-bitmap-enable' } & TransactionArgumentsActionsBlockDirtyBitmapClear)
  | ({ type: 'block-dirty-bitmap-disable' } & TransactionArgumentsActionsBlockDirtyBitmapClear)
  | ({ type: 'block-dirty-bitmap-merge' } & TransactionArgumentsActionsBlockDirtyBitmapMerge)
  | ({ type: 'blockdev-backup' } & TransactionArgumentsActionsBlockdevBackup)
  | ({ type: 'blockdev-snapshot' } & TransactionArgumentsActionsBlockdevSnapshot)
  | ({
      type: 'blockdev-snapshot-internal-sync';
    } & TransactionArgumentsActionsBlockdevSnapshotInternalSync)
  | ({ type: 'blockdev-snapshot-sync' } & TransactionArgumentsActionsBlockdevSnapshotSync)
  | ({ type: 'drive-backup' } & TransactionArgumentsActionsDriveBackup);

/** Variant `abort` of the `actions` in the arguments of `transaction`. */
export interface TransactionArgumentsActionsAbort {
  data: Empty;
}

/** Variant `block-dirty-bitmap-add` of the `actions` in the arguments of `transaction`. */
export interface TransactionArgumentsActionsBlockDirtyBitmapAdd {
  data: BlockDirtyBitmapAddArguments;
}

/** Variant `block-dirty-bitmap-clear` of the `actions` in the arguments of `transaction`. */
export interface TransactionArgumentsActionsBlockDirtyBitmapClear {
  data: BlockDirtyBitmapClearArguments;
}

/** Variant `block-dirty-bitmap-merge` of the `actions` in the arguments of `transaction`. */
export interface TransactionArgumentsActionsBlockDirtyBitmapMerge {
  data: BlockDirtyBitmapMergeArguments;
}

/** Variant `blockdev-backup` of the `actions` in the arguments of `transaction`. */
export interface TransactionArgumentsActionsBlockdevBackup {
  data: BlockdevBackupArguments;
}

/** Variant `blockdev-snapshot` of the `actions` in the arguments of `transaction`. */
export interface TransactionArgumentsActionsBlockdevSnapshot {
  data: BlockdevSnapshotArguments;
}

/** Variant `blockdev-snapshot-internal-sync` of the `actions` in the arguments of `transaction`. */
export interface TransactionArgumentsActionsBlockdevSnapshotInternalSync {
  data: BlockdevSnapshotInternalSyncArguments;
}

/** Variant `blockdev-snapshot-sync` of the `actions` in the arguments of `transaction`. */
export interface TransactionArgumentsActionsBlockdevSnapshotSync {
  data: BlockdevSnapshotSyncArguments;
}

/** Variant `drive-backup` of the `actions` in the arguments of `transaction`. */
export interface TransactionArgumentsActionsDriveBackup {
  data: DriveBackupArguments;
}

/** `type` in the `actions` in the arguments of `transaction`. */
export type TransactionArgumentsActionsType =
  | 'abort'
  | 'block-dirty-bitmap-add'
  | 'block-dirty-bitmap-remove'
  | 'block-dirty-bitmap-clear'
  | 'block-dirty-bitmap-enable'
  | 'block-dirty-bitmap-disable'
  | 'block-dirty-bitmap-merge'
  | 'blockdev-backup'
  | 'blockdev-snapshot'
  | 'blockdev-snapshot-internal-sync'
  | 'blockdev-snapshot-sync'
  /** @deprecated */
  | 'drive-backup';

/** `properties` in the arguments of `transaction`. */
export interface TransactionArgumentsProperties {
  'completion-mode'?: TransactionArgumentsPropertiesCompletionMode | undefined;
}

/** `completion-mode` in the `properties` in the arguments of `transaction`. */
export type TransactionArgumentsPropertiesCompletionMode = 'individual' | 'grouped';

/** Data of the event `UNPLUG_PRIMARY`. */
export interface UnplugPrimaryEvent {
  'device-id': string;
}

/** Data of the event `VFU_CLIENT_HANGUP`. */
export interface VfuClientHangupEvent {
  'vfu-id': string;
  'vfu-qom-path': string;
  'dev-id': string;
  'dev-qom-path': string;
}

/** Data of the event `VNC_CONNECTED`. */
export interface VncConnectedEvent {
  server: VncConnectedEventServer;
  client: VncConnectedEventClient;
}

/** `client` in the data of the event `VNC_CONNECTED`. */
export interface VncConnectedEventClient {
  host: string;
  service: string;
  family: QueryVncReturnFamily;
  websocket: boolean;
}

/** `server` in the data of the event `VNC_CONNECTED`. */
export interface VncConnectedEventServer {
  host: string;
  service: string;
  family: QueryVncReturnFamily;
  websocket: boolean;
  auth?: string | undefined;
}

/** Data of the event `VNC_DISCONNECTED`. */
export interface VncDisconnectedEvent {
  server: VncConnectedEventServer;
  client: QueryVncReturnClients;
}

/** Data of the event `VNC_INITIALIZED`. */
export interface VncInitializedEvent {
  server: VncConnectedEventServer;
  client: QueryVncReturnClients;
}

/** Data of the event `VSERPORT_CHANGE`. */
export interface VserportChangeEvent {
  id: string;
  open: boolean;
}

/** Data of the event `WATCHDOG`. */
export interface WatchdogEvent {
  action: WatchdogEventAction;
}

/** `action` in the data of the event `WATCHDOG`. */
export type WatchdogEventAction =
  'reset' | 'shutdown' | 'poweroff' | 'pause' | 'debug' | 'none' | 'inject-nmi';

/** Arguments of `watchdog-set-action`. */
export interface WatchdogSetActionArguments {
  action: WatchdogEventAction;
}

/** Arguments of `x-blockdev-amend`. */
export interface XBlockdevAmendArguments {
  'job-id': string;
  'node-name': string;
  options: XBlockdevAmendArgumentsOptions;
  force?: boolean | undefined;
}

/** `options` in the arguments of `x-blockdev-amend`. */
export type XBlockdevAmendArgumentsOptions =
  | ({ driver: 'luks' } & XBlockdevAmendArgumentsOptionsLuks)
  | ({ driver: 'qcow2' } & XBlockdevAmendArgumentsOptionsQcow2)
  | {
      driver:
        | 'blkdebug'
        | 'blklogwrites'
        | 'blkreplay'
        | 'blkverify'
        | 'bochs'
        | 'cloop'
        | 'compress'
        | 'copy-before-write'
        | 'copy-on-read'
        | 'dmg'
        | 'file'
        | 'snapshot-access'
        | 'ftp'
        | 'ftps'
        | 'gluster'
        | 'host_cdrom'
        | 'host_device'
        | 'http'
        | 'https'
        | 'iscsi'
        | 'nbd'
        | 'nfs'
        | 'null-aio'
        | 'null-co'
        | 'nvme'
        | 'parallels'
        | 'preallocate'
        | 'qcow'
        | 'qed'
        | 'quorum'
        | 'raw'
        | 'rbd'
        | 'replication'
        | 'ssh'
        | 'throttle'
        | 'vdi'
        | 'vhdx'
        | 'vmdk'
        | 'vpc'
        | 'vvfat';
    };

/** Variant `luks` of the `options` in the arguments of `x-blockdev-amend`. */
export interface XBlockdevAmendArgumentsOptionsLuks {
  state: XBlockdevAmendArgumentsOptionsLuksState;
  'new-secret'?: string | undefined;
  'old-secret'?: string | undefined;
  keyslot?: Int | undefined;
  'iter-time'?: Int | undefined;
  secret?: string | undefined;
}

/** `state` in the variant `luks` of the `options` in the arguments of `x-blockdev-amend`. */
export type XBlockdevAmendArgumentsOptionsLuksState = 'active' | 'inactive';

/** Variant `qcow2` of the `options` in the arguments of `x-blockdev-amend`. */
export interface XBlockdevAmendArgumentsOptionsQcow2 {
  encrypt?: XBlockdevAmendArgumentsOptionsQcow2Encrypt | undefined;
}

/** `encrypt` in the variant `qcow2` of the `options` in the arguments of `x-blockdev-amend`. */
export type XBlockdevAmendArgumentsOptionsQcow2Encrypt =
  ({ format: 'luks' } & XBlockdevAmendArgumentsOptionsQcow2EncryptLuks) | { format: 'qcow' };

/** Variant `luks` of the `encrypt` in the variant `qcow2` of the `options` in the arguments of `x-blockdev-amend`. */
export interface XBlockdevAmendArgumentsOptionsQcow2EncryptLuks {
  state: XBlockdevAmendArgumentsOptionsLuksState;
  'new-secret'?: string | undefined;
  'old-secret'?: string | undefined;
  keyslot?: Int | undefined;
  'iter-time'?: Int | undefined;
  secret?: string | undefined;
}

/** Arguments of `x-blockdev-change`. */
export interface XBlockdevChangeArguments {
  parent: string;
  child?: string | undefined;
  node?: string | undefined;
}

/** Arguments of `x-blockdev-set-iothread`. */
export interface XBlockdevSetIothreadArguments {
  'node-name': string;
  iothread: MigrateSetParametersArgumentsTlsAuthz;
  force?: boolean | undefined;
}

/** Result of `x-debug-block-dirty-bitmap-sha256`. */
export interface XDebugBlockDirtyBitmapSha256Return {
  sha256: string;
}

/** Result of `x-debug-query-block-graph`. */
export interface XDebugQueryBlockGraphReturn {
  nodes: readonly XDebugQueryBlockGraphReturnNodes[];
  edges: readonly XDebugQueryBlockGraphReturnEdges[];
}

/** `edges` in the result of `x-debug-query-block-graph`. */
export interface XDebugQueryBlockGraphReturnEdges {
  parent: Int;
  child: Int;
  name: string;
  perm: readonly XDebugQueryBlockGraphReturnEdgesPerm[];
  'shared-perm': readonly XDebugQueryBlockGraphReturnEdgesPerm[];
}

/** `perm` in the `edges` in the result of `x-debug-query-block-graph`. */
export type XDebugQueryBlockGraphReturnEdgesPerm =
  'consistent-read' | 'write' | 'write-unchanged' | 'resize';

/** `nodes` in the result of `x-debug-query-block-graph`. */
export interface XDebugQueryBlockGraphReturnNodes {
  id: Int;
  type: XDebugQueryBlockGraphReturnNodesType;
  name: string;
}

/** `type` in the `nodes` in the result of `x-debug-query-block-graph`. */
export type XDebugQueryBlockGraphReturnNodesType = 'block-backend' | 'block-job' | 'block-driver';

/** Result of `x-query-irq`. */
export interface XQueryIrqReturn {
  'human-readable-text': string;
}

/** Arguments of `x-query-virtio-queue-element`. */
export interface XQueryVirtioQueueElementArguments {
  path: string;
  queue: Int;
  index?: Int | undefined;
}

/** Result of `x-query-virtio-queue-element`. */
export interface XQueryVirtioQueueElementReturn {
  name: string;
  index: Int;
  descs: readonly XQueryVirtioQueueElementReturnDescs[];
  avail: XQueryVirtioQueueElementReturnAvail;
  used: XQueryVirtioQueueElementReturnUsed;
}

/** `avail` in the result of `x-query-virtio-queue-element`. */
export interface XQueryVirtioQueueElementReturnAvail {
  flags: Int;
  idx: Int;
  ring: Int;
}

/** `descs` in the result of `x-query-virtio-queue-element`. */
export interface XQueryVirtioQueueElementReturnDescs {
  addr: Int;
  len: Int;
  flags: readonly string[];
}

/** `used` in the result of `x-query-virtio-queue-element`. */
export interface XQueryVirtioQueueElementReturnUsed {
  flags: Int;
  idx: Int;
}

/** Arguments of `x-query-virtio-queue-status`. */
export interface XQueryVirtioQueueStatusArguments {
  path: string;
  queue: Int;
}

/** Result of `x-query-virtio-queue-status`. */
export interface XQueryVirtioQueueStatusReturn {
  name: string;
  'queue-index': Int;
  inuse: Int;
  'vring-num': Int;
  'vring-num-default': Int;
  'vring-align': Int;
  'vring-desc': Int;
  'vring-avail': Int;
  'vring-used': Int;
  'last-avail-idx'?: Int | undefined;
  'shadow-avail-idx'?: Int | undefined;
  'used-idx': Int;
  'signalled-used': Int;
  'signalled-used-valid': boolean;
}

/** Result of `x-query-virtio`. */
export interface XQueryVirtioReturnItem {
  path: string;
  name: string;
}

/** Arguments of `x-query-virtio-status`. */
export interface XQueryVirtioStatusArguments {
  path: string;
}

/** Result of `x-query-virtio-status`. */
export interface XQueryVirtioStatusReturn {
  name: string;
  'device-id': Int;
  'vhost-started': boolean;
  'device-endian': string;
  'guest-features': XQueryVirtioStatusReturnHostFeatures;
  'host-features': XQueryVirtioStatusReturnHostFeatures;
  'backend-features': XQueryVirtioStatusReturnHostFeatures;
  'num-vqs': Int;
  status: XQueryVirtioStatusReturnStatus;
  isr: Int;
  'queue-sel': Int;
  'vm-running': boolean;
  broken: boolean;
  disabled: boolean;
  'use-started': boolean;
  started: boolean;
  'start-on-kick': boolean;
  'disable-legacy-check': boolean;
  'bus-name': string;
  'use-guest-notifier-mask': boolean;
  'vhost-dev'?: XQueryVirtioStatusReturnVhostDev | undefined;
}

/** `host-features` in the result of `x-query-virtio-status`. */
export interface XQueryVirtioStatusReturnHostFeatures {
  transports: readonly string[];
  'dev-features'?: readonly string[] | undefined;
  'unknown-dev-features'?: Int | undefined;
}

/** `status` in the result of `x-query-virtio-status`. */
export interface XQueryVirtioStatusReturnStatus {
  statuses: readonly string[];
  'unknown-statuses'?: Int | undefined;
}

/** `vhost-dev` in the result of `x-query-virtio-status`. */
export interface XQueryVirtioStatusReturnVhostDev {
  'n-mem-sections': Int;
  'n-tmp-sections': Int;
  nvqs: Int;
  'vq-index': Int;
  features: XQueryVirtioStatusReturnHostFeatures;
  'acked-features': XQueryVirtioStatusReturnHostFeatures;
  'backend-features': XQueryVirtioStatusReturnHostFeatures;
  'protocol-features': XQueryVirtioStatusReturnVhostDevProtocolFeatures;
  'max-queues': Int;
  'backend-cap': Int;
  'log-enabled': boolean;
  'log-size': Int;
}

/** `protocol-features` in the `vhost-dev` in the result of `x-query-virtio-status`. */
export interface XQueryVirtioStatusReturnVhostDevProtocolFeatures {
  protocols: readonly string[];
  'unknown-protocols'?: Int | undefined;
}

/** Arguments of `x-query-virtio-vhost-queue-status`. */
export interface XQueryVirtioVhostQueueStatusArguments {
  path: string;
  queue: Int;
}

/** Result of `x-query-virtio-vhost-queue-status`. */
export interface XQueryVirtioVhostQueueStatusReturn {
  name: string;
  kick: Int;
  call: Int;
  desc: Int;
  avail: Int;
  used: Int;
  num: Int;
  'desc-phys': Int;
  'desc-size': Int;
  'avail-phys': Int;
  'avail-size': Int;
  'used-phys': Int;
  'used-size': Int;
}

/** Arguments of `xen-load-devices-state`. */
export interface XenLoadDevicesStateArguments {
  filename: string;
}

/** Arguments of `xen-save-devices-state`. */
export interface XenSaveDevicesStateArguments {
  filename: string;
  live?: boolean | undefined;
}

/** Arguments of `xen-set-global-dirty-log`. */
export interface XenSetGlobalDirtyLogArguments {
  enable: boolean;
}

/** Arguments of `xen-set-replication`. */
export interface XenSetReplicationArguments {
  enable: boolean;
  primary: boolean;
  failover?: boolean | undefined;
}

/** Arguments of `yank`. */
export interface YankArguments {
  instances: readonly QueryYankReturnItem[];
}
