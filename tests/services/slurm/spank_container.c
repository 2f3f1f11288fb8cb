/* A SPANK plugin that stands in for Pyxis, which Debian does not package.

It registers Pyxis's options under their names, refuses what Pyxis refuses with its words, and enters
a root filesystem. Where Pyxis unpacks a squashfs file, an image is here a folder; its variables are
in its etc/environment, where enroot keeps them. An overlay takes what is written, so an image never
changes; with --container-name it stays on the node, otherwise it ends with the task.

Built by install.py as spank_pyxis.so: the plugin's name is part of Slurm's error messages. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <slurm/slurm.h>
#include <slurm/spank.h>

SPANK_PLUGIN(pyxis, 1);

#define STORE "/run/nemorun-containers" /* a node's /run is its own */
#define MOST_MOUNTS 64

static char *image, *mounts, *workdir, *name, *save, *env_names;
static int home = -1, remap = -1, entrypoint = -1, writable = -1;
static char place[PATH_MAX];      /* of this container, below STORE */
static char root[PATH_MAX + 16];  /* its root filesystem, ready to be entered */
static bool failed;

/* ------------------------------------------------------------------ options */

enum { IMAGE, MOUNTS, WORKDIR, NAME, SAVE, ENV, TEXTS };
static char **const texts[TEXTS] = {&image, &mounts, &workdir, &name, &save, &env_names};
static const char *const text_names[TEXTS] = {"image", "mounts", "workdir", "name", "save", "env"};

static bool is_path(const char *text) { return *text == '/' || *text == '.'; }

/* One SOURCE[:TARGET[:FLAGS]]; the text is cut into its parts. */
static int split_mount(char *text, char **source, char **target, char **flags)
{
    char *rest = text;

    *source = strsep(&rest, ":");
    *target = rest ? strsep(&rest, ":") : *source;
    *flags = rest ? rest : "";
    if (!**source || !**target) {
        slurm_error("pyxis: --container-mounts: invalid format: %s", text);
        return -1;
    }
    if (!is_path(*source) && strcmp(*source, "tmpfs")) {
        slurm_error("pyxis: mount source must be a relative path, an absolute path, \"tmpfs\" or \"umount\"");
        return -1;
    }
    if (!is_path(*target)) {
        slurm_error("pyxis: mount target must be a relative path or an absolute path");
        slurm_error("pyxis: could not add mount entry: %s:%s", *source, *target);
        return -1;
    }
    return 0;
}

static int check_mounts(const char *value)
{
    char *source, *target, *flags, *one, *copy = strdup(value), *rest = copy;
    int rc = 0;

    while (!rc && (one = strsep(&rest, ",")))
        rc = split_mount(one, &source, &target, &flags);
    free(copy);
    return rc;
}

static int take_text(int which, const char *value, int remote)
{
    (void)remote;
    if (!value || !*value) {
        slurm_error("pyxis: --container-%s: argument required", text_names[which]);
        return -1;
    }
    if (which == MOUNTS && check_mounts(value))
        return -1;
    if (*texts[which] && strcmp(*texts[which], value) && which != MOUNTS && which != ENV) {
        slurm_error("pyxis: --container-%s specified multiple times", text_names[which]);
        return -1;
    }
    free(*texts[which]);
    *texts[which] = strdup(value);
    return 0;
}

static int take_switch(int *into, int value, const char *on, const char *off)
{
    if (*into != -1 && *into != value) {
        slurm_error("pyxis: both --%s and --%s were specified", on, off);
        return -1;
    }
    *into = value;
    return 0;
}

static int take_home(int value, const char *text, int remote)
{
    (void)text, (void)remote;
    return take_switch(&home, value, "container-mount-home", "no-container-mount-home");
}

static int take_remap(int value, const char *text, int remote)
{
    (void)text, (void)remote;
    return take_switch(&remap, value, "container-remap-root", "no-container-remap-root");
}

static int take_entrypoint(int value, const char *text, int remote)
{
    (void)text, (void)remote;
    return take_switch(&entrypoint, value, "container-entrypoint", "no-container-entrypoint");
}

static int take_writable(int value, const char *text, int remote)
{
    (void)text, (void)remote;
    return take_switch(&writable, value, "container-writable", "container-readonly");
}

static struct spank_option options[] = {
    {"container-image", "PATH", "[pyxis] the root filesystem to enter", 1, IMAGE, take_text},
    {"container-mounts", "SRC:DST[:FLAGS][,SRC:DST...]", "[pyxis] bind mounts", 1, MOUNTS, take_text},
    {"container-workdir", "PATH", "[pyxis] working directory inside", 1, WORKDIR, take_text},
    {"container-name", "NAME", "[pyxis] keep it under this name", 1, NAME, take_text},
    {"container-save", "PATH", "[pyxis] save its files there", 1, SAVE, take_text},
    {"container-env", "NAME[,NAME...]", "[pyxis] variables that win over the image's", 1, ENV, take_text},
    {"container-mount-home", NULL, "[pyxis] mount the user's home", 0, 1, take_home},
    {"no-container-mount-home", NULL, "[pyxis] do not mount it", 0, 0, take_home},
    {"container-remap-root", NULL, "[pyxis] be root inside, in name", 0, 1, take_remap},
    {"no-container-remap-root", NULL, "[pyxis] stay who you are", 0, 0, take_remap},
    {"container-entrypoint", NULL, "[pyxis] accepted; images here have none", 0, 1, take_entrypoint},
    {"no-container-entrypoint", NULL, "[pyxis] accepted", 0, 0, take_entrypoint},
    {"container-writable", NULL, "[pyxis] its files can be written", 0, 1, take_writable},
    {"container-readonly", NULL, "[pyxis] they cannot", 0, 0, take_writable},
    SPANK_OPTIONS_TABLE_END};

int slurm_spank_init(spank_t sp, int argc, char **argv)
{
    (void)argc, (void)argv;
    for (struct spank_option *one = options; one->name; one++)
        if (spank_option_register(sp, one) != ESPANK_SUCCESS)
            return -1;
    return 0;
}

/* ------------------------------------------------------------------ the root filesystem */

static int no(const char *format, ...)
{
    char text[2 * PATH_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    slurm_error("pyxis: %s", text);
    return -1;
}

/* What the user can see at a path, from the job's working directory; -1 and errno otherwise. */
static int open_as(uid_t uid, gid_t gid, const char *path)
{
    int fd, kept;

    if (setegid(gid) || seteuid(uid))
        return -1;
    fd = open(path, O_PATH | O_CLOEXEC);
    kept = errno;
    if (seteuid(0) || setegid(0))
        return -1;
    errno = kept;
    return fd;
}

static const char *path_of(int fd)
{
    static char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

static bool is_folder(int fd)
{
    struct stat about;

    return !fstat(fd, &about) && S_ISDIR(about.st_mode);
}

/* Makes a mount point, and the folders above it. */
static void make_point(const char *path, bool folder)
{
    char part[PATH_MAX];

    for (const char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        mkdir(part, 0755);
    }
    if (folder)
        mkdir(path, 0755);
    else
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
}

static int mount_on(int source, const char *target, bool read_only)
{
    char point[PATH_MAX];

    snprintf(point, sizeof point, "%s/%s", root, target + strspn(target, "./"));
    make_point(point, is_folder(source));
    if (mount(path_of(source), point, NULL, MS_BIND | MS_REC, NULL))
        return no("couldn't mount on %s: %s", target, strerror(errno));
    if (read_only && mount(NULL, point, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
        return no("couldn't make %s read-only: %s", target, strerror(errno));
    return 0;
}

static int mount_tmpfs(const char *target, uid_t uid, gid_t gid)
{
    char point[PATH_MAX], how[64];

    snprintf(point, sizeof point, "%s/%s", root, target + strspn(target, "./"));
    snprintf(how, sizeof how, "mode=755,uid=%u,gid=%u", uid, gid);
    make_point(point, true);
    if (mount("tmpfs", point, "tmpfs", MS_NOSUID | MS_NODEV, how))
        return no("couldn't mount on %s: %s", target, strerror(errno));
    return 0;
}

static bool has_flag(const char *flags, const char *flag)
{
    char *copy = strdup(flags), *rest = copy, *one;
    bool found = false;

    while ((one = strsep(&rest, "+")))
        found |= !strcmp(one, flag);
    free(copy);
    return found;
}

/* Opens what the user wants mounted; before anything is covered by the container's own. */
static int open_mounts(uid_t uid, gid_t gid, int *fds, char **targets, bool *read_only)
{
    char *one, *source, *flags, *rest = mounts ? strdup(mounts) : NULL;
    int count = 0;

    while (rest && (one = strsep(&rest, ",")) && count < MOST_MOUNTS) {
        split_mount(one, &source, &targets[count], &flags);
        fds[count] = strcmp(source, "tmpfs") ? open_as(uid, gid, source) : AT_FDCWD;
        if (fds[count] == -1 && errno == ENOENT)
            return no("--container-mounts: source path does not exist: %s", source);
        if (fds[count] == -1)
            return no("--container-mounts: cannot open source path %s: %s", source, strerror(errno));
        read_only[count++] = has_flag(flags, "ro");
    }
    return count;
}

/* Where the container's own files are: its name's, or this task's alone. */
static void set_place(uid_t uid, pid_t task)
{
    if (name)
        snprintf(place, sizeof place, STORE "/%u.%.*s", uid, (int)strcspn(name, ":"), name);
    else
        snprintf(place, sizeof place, STORE "/task.%d", task);
}

static int make_place(uid_t uid)
{
    mkdir(STORE, 0755);
    set_place(uid, getpid());
    if (!image && access(place, F_OK))
        return no("error: a container with name \"%s\" does not exist, and --container-image is not set", name);
    mkdir(place, 0755);
    return 0;
}

/* Lays the overlay over the image, at `root`. What is at its top belongs to the user. */
static int lay_overlay(int lower, uid_t uid, gid_t gid)
{
    static const char *const parts[] = {"upper", "work", "root"};
    char path[PATH_MAX + 16], how[4 * PATH_MAX];

    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", place, parts[i]);
        mkdir(path, 0755);
        if (chown(path, uid, gid))
            return -1;
    }
    memcpy(root, path, sizeof root);
    snprintf(how, sizeof how, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", path_of(lower), place, place);
    return mount("overlay", root, "overlay", 0, how);
}

/* The image, or the one which a named container was made from. */
static int open_image(uid_t uid, gid_t gid)
{
    char link[PATH_MAX + 16], target[PATH_MAX] = "";
    int fd;

    snprintf(link, sizeof link, "%s/image", place);
    if (name && readlink(link, target, sizeof target - 1) > 0)
        return open(target, O_PATH | O_CLOEXEC);
    if (!is_path(image)) {
        slurm_spank_log("pyxis: importing docker image: %s", image);
        return no("failed to import docker image: %s", image);
    }
    fd = open_as(uid, gid, image);
    if (fd == -1 || !is_folder(fd)) {
        no("failed to create container filesystem for image: %s", image);
        return no("    [ERROR] %s: %s", fd == -1 ? strerror(errno) : "Not a directory", image);
    }
    if (realpath(path_of(fd), target) && (name || save) && symlink(target, link) && errno != EEXIST)
        return -1;
    return fd;
}

/* What enroot mounts in every container (its conf/mounts). */
static int mount_system(uid_t uid, gid_t gid)
{
    static const char *const shared[] = {"/proc", "/sys", "/dev", "/etc/passwd", "/etc/group", "/etc/hosts"};

    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        int fd = open(shared[i], O_PATH | O_CLOEXEC);
        if (fd == -1 || mount_on(fd, shared[i], false))
            return -1;
        close(fd);
    }
    return mount_tmpfs("/tmp", uid, gid) || mount_tmpfs("/var/run", uid, gid) ? -1 : 0;
}

/* The script of a batch job lies on the node, and its user's home when asked for. */
static int mount_own(spank_t sp, uid_t uid)
{
    uint32_t step = 0;
    char **argv = NULL;
    int argc = 0, fd;
    struct passwd *user = getpwuid(uid);

    spank_get_item(sp, S_JOB_STEPID, &step);
    if (step == SLURM_BATCH_SCRIPT && spank_get_item(sp, S_JOB_ARGV, &argc, &argv) == ESPANK_SUCCESS && argc > 0) {
        fd = open(argv[0], O_PATH | O_CLOEXEC);
        if (fd == -1 || mount_on(fd, argv[0], true))
            return -1;
    }
    if (home == 1 && user) {
        fd = open(user->pw_dir, O_PATH | O_CLOEXEC);
        if (fd == -1 || mount_on(fd, user->pw_dir, false))
            return no("couldn't mount the home %s", user->pw_dir);
    }
    return 0;
}

static int set_up(spank_t sp)
{
    int fds[MOST_MOUNTS], count, lower;
    char *targets[MOST_MOUNTS];
    bool read_only[MOST_MOUNTS];
    uid_t uid;
    gid_t gid;

    if (spank_get_item(sp, S_JOB_UID, &uid) || spank_get_item(sp, S_JOB_GID, &gid))
        return no("couldn't get job uid");
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return no("couldn't leave the mounts of the node: %s", strerror(errno));
    if (make_place(uid) || (lower = open_image(uid, gid)) == -1)
        return -1;
    if ((count = open_mounts(uid, gid, fds, targets, read_only)) == -1)
        return -1;
    /* Without a name and a wish to save it, its files need no place that outlives the task. */
    if (!name && !save && mount("tmpfs", place, "tmpfs", 0, "mode=755"))
        return no("couldn't make room: %s", strerror(errno));
    if (lay_overlay(lower, uid, gid))
        return no("failed to create container filesystem for image: %s: %s", image, strerror(errno));
    if (mount_system(uid, gid) || mount_own(sp, uid))
        return -1;
    for (int i = 0; i < count; i++) {
        bool is_tmpfs = fds[i] == AT_FDCWD;
        if (is_tmpfs ? mount_tmpfs(targets[i], uid, gid) : mount_on(fds[i], targets[i], read_only[i]))
            return -1;
    }
    if (writable != 1 && mount(NULL, root, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
        return no("couldn't make it read-only: %s", strerror(errno));
    /* Slurm is about to become the user, in the working directory outside; task_init enters after that. */
    return prctl(PR_SET_KEEPCAPS, 1);
}

static int set_capabilities(unsigned bits)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{bits, bits, 0}, {0, 0, 0}};

    return syscall(SYS_capset, &header, data);
}

/* Goes in, and gives up what allowed that. */
static int enter(void)
{
    if (set_capabilities(1U << CAP_SYS_ADMIN | 1U << CAP_DAC_READ_SEARCH))
        return -1;
    if (chdir(root) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
        return -1;
    return prctl(PR_SET_KEEPCAPS, 0) || set_capabilities(0);
}

/* In the task's process, still as root. A failure is told by task_init, as Pyxis does. */
int slurm_spank_task_init_privileged(spank_t sp, int argc, char **argv)
{
    (void)argc, (void)argv;
    if (image || name)
        failed = set_up(sp) != 0;
    else if (mounts)
        slurm_spank_log("pyxis: ignoring --container-mounts because neither --container-image nor --container-name is set");
    return 0;
}

/* ------------------------------------------------------------------ inside, as the user */

static bool is_named(const char *variable)
{
    char *copy = env_names ? strdup(env_names) : NULL, *rest = copy, *one;
    bool found = false;

    while ((one = strsep(&rest, ",")))
        found |= !strcmp(one, variable);
    free(copy);
    return found;
}

/* The image's variables win over the job's, but for those that --container-env names. */
static void take_environment(spank_t sp)
{
    char line[PATH_MAX], *value, old[2];
    FILE *file = fopen("/etc/environment", "re");

    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        value = strchr(line, '=');
        if (!value)
            continue;
        *value++ = '\0';
        if (!is_named(line) || spank_getenv(sp, line, old, sizeof old) == ESPANK_ENV_NOEXIST)
            spank_setenv(sp, line, value, 1);
    }
    if (file)
        fclose(file);
}

static int put(const char *path, const char *format, unsigned id)
{
    FILE *file = fopen(path, "we");
    int rc = !file || fprintf(file, format, id) < 0;

    return (file && fclose(file)) || rc ? -1 : 0;
}

static int become_root_in_name(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();

    /* A process that has changed its user may not write to its own files in /proc. */
    if (prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER) || put("/proc/self/setgroups", "deny", 0))
        return -1;
    return put("/proc/self/uid_map", "0 %u 1", uid) || put("/proc/self/gid_map", "0 %u 1", gid);
}

int slurm_spank_task_init(spank_t sp, int argc, char **argv)
{
    (void)argc, (void)argv;
    if (!image && !name)
        return 0;
    if (failed)
        return -1;
    if (enter())
        return no("couldn't enter the container: %s", strerror(errno));
    take_environment(sp);
    if (chdir(workdir ? workdir : "/"))
        return no("couldn't chdir to %s: %s", workdir, strerror(errno));
    if (remap == 1 && become_root_in_name())
        return no("couldn't remap to root: %s", strerror(errno));
    return 0;
}

/* ------------------------------------------------------------------ afterwards, in slurmstepd */

/* Copies the container's files, as the user; in a process of its own, which ends with it. */
static int copy_out(uid_t uid, gid_t gid)
{
    char image_link[PATH_MAX + 16], source[PATH_MAX + 32];
    int lower;

    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return 1;
    snprintf(image_link, sizeof image_link, "%s/image", place);
    if ((lower = open(image_link, O_PATH | O_CLOEXEC)) == -1 || lay_overlay(lower, uid, gid))
        return 1;
    snprintf(source, sizeof source, "%s/.", root);
    if (setgid(gid) || setuid(uid))
        return 1;
    execl("/bin/cp", "cp", "-dR", "-T", source, save, (char *)NULL);
    return 1;
}

static int finish(pid_t child)
{
    int status = 0;

    return child == -1 || waitpid(child, &status, 0) == -1 || status ? -1 : 0;
}

int slurm_spank_task_exit(spank_t sp, int argc, char **argv)
{
    uid_t uid = 0;
    gid_t gid = 0;
    pid_t task = 0, child;
    int rc = 0;

    (void)argc, (void)argv;
    if ((!image && !name) || spank_get_item(sp, S_TASK_PID, &task))
        return 0;
    spank_get_item(sp, S_JOB_UID, &uid);
    spank_get_item(sp, S_JOB_GID, &gid);
    set_place(uid, task);
    if (save) {
        if (!(child = fork()))
            _exit(copy_out(uid, gid));
        if ((rc = finish(child)))
            no("failed to export container to %s", save);
        else
            slurm_spank_log("pyxis: exported container to %s", save);
    }
    if (!name) {
        if (!(child = fork())) {
            execl("/bin/rm", "rm", "-rf", place, (char *)NULL);
            _exit(1);
        }
        finish(child);
    }
    return rc;
}
