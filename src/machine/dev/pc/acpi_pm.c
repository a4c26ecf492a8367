/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI power management registers: see acpi_pm.h. */
#include "machine/dev/pc/acpi_pm.h"

#include "base/bits.h"

#include <string.h>

enum { /* offsets from PMBASE */
       R_PM1_STS = 0x00,
       R_PM1_EN = 0x02,
       R_PM1_CNT = 0x04,
       R_PM_TMR = 0x08,
       R_GPE0_STS = 0x20,
       R_GPE0_EN = 0x28,
       R_SMI_EN = 0x30,
       R_SMI_STS = 0x34,
};

#define PM1_TMR    BIT64(0)
#define PM1_GBL    BIT64(5)
#define PM1_PWRBTN BIT64(8)
#define PM1_RTC    BIT64(10)
#define PM1_WAK    BIT64(15)
#define PM1_EVENTS (PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_RTC)

#define CNT_SCI_EN 0x0001
#define CNT_SLP_EN 0x2000
#define CNT_BITS   0x1c07 /* SCI_EN, BM_RLD, GBL_RLS, SLP_TYP */

#define SMI_APMC 0x20 /* firmware takes it for "SMM is set up", and leaves it alone */

#define TIMER_MASK 0xffffff
#define TIMER_HALF INT64_C(0x800000) /* the status bit is set when bit 23 changes */

/* Without SMM the board shows APMC_EN as already set: firmware then does not try to install an SMI
 * handler and wait for it. */
#define SMI_EN_APMC 0x20

const struct state_row acpi_pm_state[] = {
    STATE_U(struct acpi_pm, pm1_sts, 0), STATE_U(struct acpi_pm, pm1_en, 0),
    STATE_U(struct acpi_pm, pm1_cnt, 0), STATE_U(struct acpi_pm, gpe_sts, 0),
    STATE_U(struct acpi_pm, gpe_en, 0),  STATE_U(struct acpi_pm, smi_en, SMI_APMC),
    STATE_U(struct acpi_pm, smi_sts, 0), STATE_U(struct acpi_pm, apm_cmd, 0),
    STATE_U(struct acpi_pm, apm_sts, 0), STATE_KEEP(struct acpi_pm, waking),
    STATE_T(struct acpi_pm, overflow),   STATE_DONE,
};

static int64_t ticks(const struct acpi_pm *pm)
{
    int64_t now = clock_now(pm->overflow.clock, CLOCK_GUEST);

    return (int64_t)((__int128)now * ACPI_PM_HZ / NS_PER_SEC);
}

/* The timer's bit 23 has changed since the status was cleared, or will: only then is it armed. */
static void update(struct acpi_pm *pm)
{
    bool level = (pm->pm1_sts & pm->pm1_en & PM1_EVENTS) || (pm->gpe_sts & pm->gpe_en);

    irq_set(&pm->sci, level && pm->pm1_cnt & CNT_SCI_EN);
    if (pm->pm1_en & PM1_TMR && !(pm->pm1_sts & PM1_TMR)) {
        int64_t next = (ticks(pm) / TIMER_HALF + 1) * TIMER_HALF;

        if (!timer_armed(&pm->overflow)) {
            timer_arm(&pm->overflow,
                      (int64_t)(((__int128)next * NS_PER_SEC + ACPI_PM_HZ - 1) / ACPI_PM_HZ));
        }
    } else {
        timer_cancel(&pm->overflow);
    }
}

static void overflowed(void *opaque)
{
    struct acpi_pm *pm = opaque;

    pm->pm1_sts |= PM1_TMR;
    update(pm);
}

static void announce_disk_suspend(struct acpi_pm *pm)
{
    const struct dev_env *env = pm->owner->env;

    env->event(env->machine, "SUSPEND_DISK", NULL);
    env->request(env->machine, MACHINE_SHUTDOWN, true, 0);
}

static void sleep_now(struct acpi_pm *pm)
{
    const struct dev_env *env = pm->owner->env;
    unsigned type = pm->pm1_cnt >> 10 & 7;

    switch (type) {
    case ACPI_S5: env->request(env->machine, MACHINE_SHUTDOWN, true, 0); break;
    case ACPI_S3:
        if (!pm->disable_s3) {
            env->request(env->machine, MACHINE_SUSPEND, true, 0);
        }
        break;
    case ACPI_S4:
        if (!pm->disable_s4) {
            announce_disk_suspend(pm);
        }
        break;
    default: dev_note(pm->owner, "guest asked for the unknown sleep type %u", type); break;
    }
}

static void write_control(struct acpi_pm *pm, uint16_t value)
{
    pm->pm1_cnt = (value & CNT_BITS) | CNT_SCI_EN;
    if (value & CNT_SLP_EN) {
        sleep_now(pm);
    }
}

/* Register bytes [off, off + 8) as the guest sees them. */
static uint8_t read_byte(const struct acpi_pm *pm, unsigned off, uint32_t now)
{
    if (off < R_PM1_EN) {
        return (uint8_t)(pm->pm1_sts >> off * 8);
    } else if (off < R_PM1_CNT) {
        return (uint8_t)(pm->pm1_en >> (off - R_PM1_EN) * 8);
    } else if (off < R_PM1_CNT + 2) {
        return (uint8_t)(pm->pm1_cnt >> (off - R_PM1_CNT) * 8);
    } else if (off >= R_PM_TMR && off < R_PM_TMR + 4) {
        return (uint8_t)(now >> (off - R_PM_TMR) * 8);
    } else if (off >= R_GPE0_STS && off < R_GPE0_EN) {
        return (uint8_t)(pm->gpe_sts >> (off - R_GPE0_STS) * 8);
    } else if (off >= R_GPE0_EN && off < R_SMI_EN) {
        return (uint8_t)(pm->gpe_en >> (off - R_GPE0_EN) * 8);
    } else if (off >= R_SMI_EN && off < R_SMI_STS) {
        return (uint8_t)(pm->smi_en >> (off - R_SMI_EN) * 8);
    } else if (off >= R_SMI_STS && off < R_SMI_STS + 4) {
        return (uint8_t)(pm->smi_sts >> (off - R_SMI_STS) * 8);
    }
    return 0;
}

static uint64_t pm_read(void *opaque, gpa off, unsigned size)
{
    struct acpi_pm *pm = opaque;
    uint32_t now = (uint32_t)ticks(pm) & TIMER_MASK;
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)read_byte(pm, (unsigned)off + i, now) << i * 8;
    }
    return value;
}

static void write_byte(struct acpi_pm *pm, unsigned off, uint8_t value)
{
    if (off < R_PM1_EN) { /* write one to clear */
        pm->pm1_sts &= ~(value << off * 8);
    } else if (off < R_PM1_CNT) {
        pm->pm1_en = (uint16_t)bits_set(pm->pm1_en, (off - R_PM1_EN) * 8, 8, value);
    } else if (off >= R_GPE0_STS && off < R_GPE0_EN) {
        pm->gpe_sts &= ~((uint64_t)value << (off - R_GPE0_STS) * 8);
    } else if (off >= R_GPE0_EN && off < R_SMI_EN) {
        pm->gpe_en = bits_set(pm->gpe_en, (off - R_GPE0_EN) * 8, 8, value);
    } else if (off >= R_SMI_EN && off < R_SMI_STS) {
        pm->smi_en = (uint32_t)bits_set(pm->smi_en, (off - R_SMI_EN) * 8, 8, value);
    } else if (off >= R_SMI_STS && off < R_SMI_STS + 4) {
        pm->smi_sts &= ~((uint32_t)value << (off - R_SMI_STS) * 8);
    }
}

static void pm_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct acpi_pm *pm = opaque;

    if (off <= R_PM1_CNT && off + size > R_PM1_CNT) {
        unsigned shift = (unsigned)(R_PM1_CNT - off) * 8;
        uint64_t cnt = off + size > R_PM1_CNT + 1
                           ? value >> shift
                           : (pm->pm1_cnt & 0xff00u) | (value >> shift & 0xff);

        write_control(pm, (uint16_t)cnt);
    } else if (off == R_PM1_CNT + 1) {
        write_control(pm, (uint16_t)((pm->pm1_cnt & 0xff) | (value & 0xff) << 8));
    }
    for (unsigned i = 0; i < size; i++) {
        write_byte(pm, (unsigned)off + i, (uint8_t)(value >> i * 8));
    }
    update(pm);
}

static const struct bus_ops pm_ops = {
    .read = pm_read,
    .write = pm_write,
    .min_size = 1,
    .max_size = 4,
    .wide = BUS_SPLIT,
    .unaligned = BUS_SPLIT,
};

/* B2h: command, B3h: status. Without SMM a command only stays readable. */
static uint64_t apm_read(void *opaque, gpa off, unsigned size)
{
    struct acpi_pm *pm = opaque;

    return off ? pm->apm_sts : pm->apm_cmd;
}

static void apm_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct acpi_pm *pm = opaque;

    if (off) {
        pm->apm_sts = (uint8_t)value;
    } else {
        pm->apm_cmd = (uint8_t)value;
    }
}

static const struct bus_ops apm_ops = {
    .read = apm_read,
    .write = apm_write,
    .min_size = 1,
    .max_size = 1,
    .wide = BUS_SPLIT,
};

void acpi_pm_init(struct acpi_pm *pm, struct dev *owner, const struct irq *sci)
{
    memset(pm, 0, sizeof(*pm));
    pm->owner = owner;
    pm->sci = *sci;
    timer_init(&pm->overflow, owner->env->clock, CLOCK_GUEST, &owner->lock, overflowed, pm);
    bus_region_init_io(&pm->region, "acpi-pm", ACPI_PM_SIZE, &pm_ops, pm, &owner->lock);
    bus_region_init_io(&pm->apm, "apm", 2, &apm_ops, pm, &owner->lock);
}

void acpi_pm_fini(struct acpi_pm *pm)
{
    g_mutex_lock(&pm->owner->lock);
    timer_cancel(&pm->overflow);
    g_mutex_unlock(&pm->owner->lock);
}

void acpi_pm_reset(struct acpi_pm *pm)
{
    bool waking = pm->waking;

    timer_cancel(&pm->overflow);
    state_reset(acpi_pm_state, pm);
    pm->pm1_cnt = CNT_SCI_EN;
    pm->pm1_sts = waking ? PM1_WAK | PM1_PWRBTN : 0;
    pm->waking = false;
    update(pm);
}

void acpi_pm_loaded(struct acpi_pm *pm)
{
    pm->pm1_cnt = (pm->pm1_cnt & CNT_BITS) | CNT_SCI_EN;
    update(pm);
}

void acpi_pm_power_button(struct acpi_pm *pm)
{
    g_mutex_lock(&pm->owner->lock);
    pm->pm1_sts |= PM1_PWRBTN;
    update(pm);
    g_mutex_unlock(&pm->owner->lock);
}

void acpi_pm_gpe(struct acpi_pm *pm, unsigned event)
{
    g_mutex_lock(&pm->owner->lock);
    pm->gpe_sts |= BIT64(event & 63);
    update(pm);
    g_mutex_unlock(&pm->owner->lock);
}

void acpi_pm_wake(struct acpi_pm *pm)
{
    pm->waking = true;
}
