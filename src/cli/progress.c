/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/progress.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <viv/monitor.h>

#define LOOK_MS 500

struct job {
    const struct progress_work *work;
    int (*run)(const struct progress_work *work, struct viv_error **ret_error);
    struct viv_error **error;
    int result;  /* the thread's, until `done` */
    int done[2]; /* a pipe: its end is closed when the work is over */
};

static gpointer run_job(gpointer data)
{
    struct job *job = data;

    job->result = job->run(job->work, job->error);
    fd_close(&job->done[1]);
    return NULL;
}

static void show_percent(const char *label, int percent)
{
    fprintf(stderr, "\r%s: [%3d %%]", label, percent);
    fflush(stderr);
}

/* How far the host's job is. */
static void look(struct viv_object *domain, const char *label)
{
    struct viv_param *params = NULL;
    int type;

    if (viv_domain_job(domain, 0, &type, &params, NULL) != 0) {
        return;
    }
    const struct viv_param *total = viv_params_find(params, "data_total");
    const struct viv_param *left = viv_params_find(params, "data_remaining");

    if (total != NULL && left != NULL && total->value.natural > 0 &&
        left->value.natural <= total->value.natural) {
        double done = (double)(total->value.natural - left->value.natural);

        show_percent(label, (int)(done * 100 / (double)total->value.natural));
    }
    viv_params_free(params);
}

static void wait_for(struct job *job, const char *label, bool show, int signals)
{
    struct pollfd polled[] = {{job->done[0], POLLIN, 0}, {signals, POLLIN, 0}};

    while (polled[0].revents == 0) {
        int n = poll(polled, G_N_ELEMENTS(polled), LOOK_MS);
        struct signalfd_siginfo info;

        if (n > 0 && polled[1].revents != 0 && read(signals, &info, sizeof(info)) > 0) {
            (void)viv_domain_abort_job(job->work->domain, 0, NULL);
        }
        if (n == 0 && show) {
            look(job->work->domain, label);
        }
    }
}

int progress_run(struct cli *cli, const char *label, bool show, const struct progress_work *work,
                 int (*run)(const struct progress_work *work, struct viv_error **ret_error))
{
    struct job job = {work, run, cli_error(cli), -1, {-1, -1}};
    sigset_t interrupt, before;

    if (pipe2(job.done, O_CLOEXEC) != 0) {
        return run(work, cli_error(cli));
    }
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupt, &before);
    int signals = signalfd(-1, &interrupt, SFD_CLOEXEC);
    GThread *thread = g_thread_new("viv-work", run_job, &job);

    wait_for(&job, label, show, signals);
    g_thread_join(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    fd_close(&job.done[0]);
    fd_close(&signals);
    if (show && job.result == 0) {
        show_percent(label, 100);
    }
    return job.result;
}
