/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP's types and events, with the names and members of QEMU 7.2's interface that we use. */
#include "machine/monitor/command.h"

const struct qmp_type qmp_types[] = {
    {"RunState", "prelaunch running paused shutdown suspended guest-panicked io-error "
                 "internal-error debug inmigrate finish-migrate postmigrate"},
    {"StatusInfo", .members = "running:bool singlestep:bool status:RunState"},
    {"ShutdownCause", "none host-error host-qmp-quit host-qmp-system-reset host-signal host-ui "
                      "guest-shutdown guest-reset guest-panic subsystem-reset"},
    {"VersionTriple", .members = "major:int minor:int micro:int"},
    {"VersionInfo", .members = "qemu:VersionTriple package:str"},
    {"CommandInfo", .members = "name:str"},
    {"QMPCapability", "oob"},
    {"SysEmuTarget", "riscv64 x86_64"},
    {"TargetInfo", .members = "arch:SysEmuTarget"},
    {"KvmInfo", .members = "enabled:bool present:bool"},
    {"NameInfo", .members = "name?:str"},
    {"UuidInfo", .members = "UUID:str"},
    {"ReplayMode", "none record play"},
    {"ReplayInfo", .members = "mode:ReplayMode filename?:str icount:int"},
    {"MemoryInfo", .members = "base-memory:int plugged-memory?:int"},
    {"CurrentMachineParams", .members = "wakeup-suspend-support:bool"},
    {"HostMemPolicy", "default preferred bind interleave"},
    {"Memdev", .members = "id?:str size:int merge:bool dump:bool prealloc:bool share:bool "
                          "reserve?:bool host-nodes:[int] policy:HostMemPolicy"},
    {"MachineInfo", .members = "name:str alias?:str is-default?:bool cpu-max:int "
                               "hotpluggable-cpus:bool numa-mem-supported:bool deprecated:bool "
                               "default-cpu-type?:str default-ram-id?:str"},
    {"IOThreadInfo", .members = "id:str thread-id:int poll-max-ns:int poll-grow:int "
                                "poll-shrink:int aio-max-batch:int"},
    {"RxState", "normal none all"},
    {"RxFilterInfo",
     .members = "name:str promiscuous:bool multicast:RxState unicast:RxState vlan:RxState "
                "broadcast-allowed:bool multicast-overflow:bool unicast-overflow:bool main-mac:str "
                "vlan-table:[int] unicast-table:[str] multicast-table:[str]"},
    {"BalloonInfo", .members = "actual:int"},
    {"CommandLineParameterType", "string boolean number size"},
    {"CommandLineParameterInfo",
     .members = "name:str type:CommandLineParameterType help?:str default?:str"},
    {"CommandLineOptionInfo", .members = "option:str parameters:[CommandLineParameterInfo]"},
    {"PanicAction", "pause shutdown exit-failure none"},
    {"RebootAction", "reset shutdown"},
    {"ShutdownAction", "poweroff pause"},
    {"GuestPanicAction", "pause poweroff run"},

    {"CpuInstanceProperties",
     .members = "node-id?:int socket-id?:int die-id?:int cluster-id?:int core-id?:int "
                "thread-id?:int"},
    {"CpuInfoFast", .members = "cpu-index:int qom-path:str thread-id:int "
                               "props?:CpuInstanceProperties target:SysEmuTarget"},
    {"HotpluggableCPU",
     .members = "type:str vcpus-count:int props:CpuInstanceProperties qom-path?:str"},
    {"CpuDefinitionInfo",
     .members = "name:str migration-safe?:bool static:bool unavailable-features?:[str] "
                "typename:str alias-of?:str deprecated:bool"},
    {"CpuModelExpansionType", "static full"},
    {"CpuModelInfo", .members = "name:str props?:any"},
    {"CpuModelExpansionInfo", .members = "model:CpuModelInfo"},

    {"ChardevInfo", .members = "label:str filename:str frontend-open:bool"},
    {"ChardevBackendInfo", .members = "name:str"},
    {"ChardevReturn", .members = "pty?:str"},
    {"ChardevBackendKind", "file null pipe pty ringbuf memory socket stdio testdev"},
    {"ChardevFile", .members = "logfile?:str logappend?:bool in?:str out:str append?:bool"},
    {"ChardevHostdev", .members = "logfile?:str logappend?:bool device:str"},
    {"ChardevCommon", .members = "logfile?:str logappend?:bool"},
    {"ChardevStdio", .members = "logfile?:str logappend?:bool signal?:bool"},
    {"ChardevRingbuf", .members = "logfile?:str logappend?:bool size?:int"},
    {"SocketAddressType", "inet unix fd"},
    {"InetSocketAddress",
     .members = "host:str port:str numeric?:bool to?:int ipv4?:bool ipv6?:bool"},
    {"UnixSocketAddress", .members = "path:str abstract?:bool tight?:bool"},
    {"FdSocketAddress", .members = "str:str"},
    {"InetSocketAddressWrapper", .members = "data:InetSocketAddress"},
    {"UnixSocketAddressWrapper", .members = "data:UnixSocketAddress"},
    {"FdSocketAddressWrapper", .members = "data:FdSocketAddress"},
    {"SocketAddressLegacy", .members = "type:SocketAddressType", .tag = "type",
     .variants = "inet:InetSocketAddressWrapper unix:UnixSocketAddressWrapper "
                 "fd:FdSocketAddressWrapper"},
    {"ChardevSocket", .members =
                          "logfile?:str logappend?:bool addr:SocketAddressLegacy "
                          "server?:bool wait?:bool nodelay?:bool telnet?:bool reconnect?:int"},
    {"ChardevFileWrapper", .members = "data:ChardevFile"},
    {"ChardevHostdevWrapper", .members = "data:ChardevHostdev"},
    {"ChardevCommonWrapper", .members = "data:ChardevCommon"},
    {"ChardevStdioWrapper", .members = "data:ChardevStdio"},
    {"ChardevRingbufWrapper", .members = "data:ChardevRingbuf"},
    {"ChardevSocketWrapper", .members = "data:ChardevSocket"},
    {"ChardevBackend", .members = "type:ChardevBackendKind", .tag = "type",
     .variants = "file:ChardevFileWrapper null:ChardevCommonWrapper pipe:ChardevHostdevWrapper "
                 "pty:ChardevCommonWrapper ringbuf:ChardevRingbufWrapper "
                 "memory:ChardevRingbufWrapper socket:ChardevSocketWrapper "
                 "stdio:ChardevStdioWrapper testdev:ChardevCommonWrapper"},
    {"DataFormat", "utf8 base64"},
    {"AddfdInfo", .members = "fdset-id:int fd:int"},
    {"FdsetFdInfo", .members = "fd:int opaque?:str"},
    {"FdsetInfo", .members = "fdset-id:int fds:[FdsetFdInfo]"},
    {"NetClientDriver", "user tap"},

    {"ObjectPropertyInfo", .members = "name:str type:str description?:str default-value?:any"},
    {"ObjectTypeInfo", .members = "name:str abstract?:bool parent?:str"},

    {"BlockdevDetectZeroesOptions", "off on unmap"},
    {"BlockdevCacheInfo", .members = "writeback:bool direct:bool no-flush:bool"},
    {"ImageInfo", .members =
                      "filename:str format:str dirty-flag?:bool actual-size?:int virtual-size:int "
                      "cluster-size?:int encrypted?:bool compressed?:bool backing-filename?:str "
                      "full-backing-filename?:str backing-filename-format?:str "
                      "backing-image?:ImageInfo"},
    {"BlockDeviceInfo",
     .members = "file:str node-name?:str ro:bool drv:str backing_file?:str backing_file_depth:int "
                "encrypted:bool detect_zeroes:BlockdevDetectZeroesOptions bps:int bps_rd:int "
                "bps_wr:int iops:int iops_rd:int iops_wr:int image:ImageInfo "
                "cache:BlockdevCacheInfo write_threshold:int"},
    {"BlockDeviceIoStatus", "ok failed nospace"},
    {"BlockInfo", .members = "device:str qdev?:str type:str removable:bool locked:bool "
                             "inserted?:BlockDeviceInfo tray_open?:bool "
                             "io-status?:BlockDeviceIoStatus"},
    {"BlockDeviceTimedStats", .members = "interval_length:int"},
    {"BlockDeviceStats",
     .members = "rd_bytes:int wr_bytes:int unmap_bytes:int rd_operations:int wr_operations:int "
                "flush_operations:int unmap_operations:int rd_total_time_ns:int "
                "wr_total_time_ns:int flush_total_time_ns:int unmap_total_time_ns:int "
                "wr_highest_offset:int rd_merged:int wr_merged:int unmap_merged:int "
                "idle_time_ns?:int failed_rd_operations:int failed_wr_operations:int "
                "failed_flush_operations:int failed_unmap_operations:int "
                "invalid_rd_operations:int invalid_wr_operations:int "
                "invalid_flush_operations:int invalid_unmap_operations:int account_invalid:bool "
                "account_failed:bool timed_stats:[BlockDeviceTimedStats]"},
    {"BlockStats", .members = "device?:str qdev?:str node-name?:str stats:BlockDeviceStats "
                              "parent?:BlockStats backing?:BlockStats"},
    {"BlockJobInfo", .members = "type:str device:str len:int offset:int busy:bool paused:bool "
                                "speed:int ready:bool auto-finalize:bool auto-dismiss:bool"},
    {"BlockErrorAction", "ignore report stop"},
    {"IoOperationType", "read write"},

    {"MigrationCapability", "events"},
    {"MigrationCapabilityStatus", .members = "capability:MigrationCapability state:bool"},
    {"MigrationStatus", "none setup cancelling cancelled active completed failed"},
    {"MigrationStats",
     .members = "transferred:int remaining:int total:int duplicate:int skipped:int normal:int "
                "normal-bytes:int dirty-pages-rate:int mbps:number dirty-sync-count:int "
                "postcopy-requests:int page-size:int multifd-bytes:int pages-per-second:int "
                "precopy-bytes:int downtime-bytes:int postcopy-bytes:int "
                "dirty-sync-missed-zero-copy:int"},
    {"MigrationInfo", .members =
                          "status?:MigrationStatus ram?:MigrationStats total-time?:int "
                          "expected-downtime?:int downtime?:int setup-time?:int error-desc?:str"},
    {"MigrationParameters", .members = "max-bandwidth?:int"},
    {"StatsProvider", "kvm"},
    {"StatsTarget", "vm vcpu"},
    {"StatsRequest", .members = "provider:StatsProvider names?:[str]"},
    {"StatsVCPUFilter", .members = "vcpus?:[str]"},
    {"Stats", .members = "name:str value:any"},
    {"StatsResult", .members = "provider:StatsProvider qom-path?:str stats:[Stats]"},
    {"StatsType", "cumulative instant peak linear-histogram log2-histogram"},
    {"StatsUnit", "bytes seconds cycles boolean"},
    {"StatsSchemaValue", .members = "name:str type:StatsType unit?:StatsUnit base?:int "
                                    "exponent:int bucket-size?:int"},
    {"StatsSchema",
     .members = "provider:StatsProvider target:StatsTarget stats:[StatsSchemaValue]"},
    {"DirtyRateStatus", "unstarted measuring measured"},
    {"DirtyRateMeasureMode", "page-sampling"},
    {"DirtyRateInfo", .members =
                          "dirty-rate?:int status:DirtyRateStatus start-time:int calc-time:int "
                          "sample-pages:int mode:DirtyRateMeasureMode"},
    {"TpmModel", "tpm-tis"},
    {"TpmType", "passthrough emulator"},
    {"SevCapability", .members = "pdh:str cert-chain:str"},
    {"SGXInfo", .members = "sgx:bool"},

    {"KeyValueKind", "number qcode"},
    {"IntWrapper", .members = "data:int"},
    {"StrWrapper", .members = "data:str"},
    {"KeyValue", .members = "type:KeyValueKind", .tag = "type",
     .variants = "number:IntWrapper qcode:StrWrapper"},
    {"SchemaInfo", .members = "name:str"},
    {"HumanReadableText", .members = "human-readable-text:str"},

    {"PciMemoryRange", .members = "base:int limit:int"},
    {"PciMemoryRegion", .members = "bar:int type:str address:int size:int prefetch?:bool "
                                   "mem_type_64?:bool"},
    {"PciBusInfo", .members = "number:int secondary:int subordinate:int io_range:PciMemoryRange "
                              "memory_range:PciMemoryRange prefetchable_range:PciMemoryRange"},
    {"PciBridgeInfo", .members = "bus:PciBusInfo devices?:[PciDeviceInfo]"},
    {"PciDeviceClass", .members = "desc?:str class:int"},
    {"PciDeviceId", .members = "device:int vendor:int subsystem?:int subsystem-vendor?:int"},
    {"PciDeviceInfo",
     .members = "bus:int slot:int function:int class_info:PciDeviceClass id:PciDeviceId irq?:int "
                "irq_pin:int qdev_id:str pci_bridge?:PciBridgeInfo regions:[PciMemoryRegion]"},
    {"PciInfo", .members = "bus:int devices:[PciDeviceInfo]"},

    {"BlockdevChangeReadOnlyMode", "retain read-only read-write"},
    {"JobType", "commit stream mirror backup create amend snapshot-load snapshot-save "
                "snapshot-delete"},
    {"JobStatus", "undefined created running paused ready standby waiting pending aborting "
                  "concluded null"},
    {"JobInfo", .members = "id:str type:JobType status:JobStatus current-progress:int "
                           "total-progress:int error?:str"},
    {"BlockExportType", "nbd"},
    {"BlockExportInfo", .members = "id:str type:BlockExportType node-name:str shutting-down:bool"},
    {"PRManagerInfo", .members = "id:str connected:bool"},
    {"MemoryDeviceInfoKind", "dimm"},
    {"MemoryDeviceInfo", .members = "type:MemoryDeviceInfoKind"},
    {"TPMInfo", .members = "id:str model:TpmModel"},
    {"MouseInfo", .members = "name:str index:int current:bool absolute:bool"},
    {"DisplayType", "none"},
    {"DisplayOptions", .members = "type:DisplayType full-screen?:bool window-close?:bool"},
    {"GuidInfo", .members = "guid:str"},
    {NULL},
};

const struct qmp_event qmp_events[] = {
    {"STOP"},
    {"RESUME"},
    {"MIGRATION", "status:MigrationStatus"},
    {"SUSPEND"},
    {"WAKEUP"},
    {"POWERDOWN"},
    {"SHUTDOWN", "guest:bool reason:ShutdownCause"},
    {"RESET", "guest:bool reason:ShutdownCause"},
    {"GUEST_PANICKED", "action:GuestPanicAction"},
    {"BLOCK_IO_ERROR", "device:str node-name?:str operation:IoOperationType "
                       "action:BlockErrorAction nospace?:bool reason:str"},
    {"BALLOON_CHANGE", "actual:int"},
    {"DEVICE_DELETED", "device?:str path:str"},
    {"DEVICE_UNPLUG_GUEST_ERROR", "device?:str path:str"},
    {"RTC_CHANGE", "offset:int qom-path:str"},
    {"DEVICE_TRAY_MOVED", "device:str id:str tray-open:bool"},
    {"NIC_RX_FILTER_CHANGED", "name?:str path:str"},
    {"VSERPORT_CHANGE", "id:str open:bool"},
    {NULL},
};
