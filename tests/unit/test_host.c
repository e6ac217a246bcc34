/* Facts of the machine are there and plausible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run/host.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/error.h>

static void cpus_and_memory(void **state)
{
    cpu_set_t allowed;
    int n = weir_host_cpus(&allowed);

    (void)state;
    assert_in_range(n, 1, CPU_COUNT(&allowed));
    assert_true(weir_host_memory() > 16u << 20);
    assert_true(weir_host_memory() <=
                (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
}

static void description(void **state)
{
    json_t *host = weir_host_describe();
    char name[256] = "";

    (void)state;
    assert_non_null(host);
    gethostname(name, sizeof name - 1);
    assert_string_equal(json_string_value(json_object_get(host, "name")), name);
    assert_non_null(strstr(json_string_value(json_object_get(host, "system")), "Linux"));
    assert_true(*json_string_value(json_object_get(host, "cpu")));
    assert_true(json_integer_value(json_object_get(host, "cores")) >= 1);
    assert_non_null(json_object_get(host, "gpu"));
    json_decref(host);
}

static void time_is_rfc_3339(void **state)
{
    char text[WEIR_TIME_TEXT];
    int year, month, day, hour, minute, second, end = 0;

    (void)state;
    assert_int_equal(sscanf(weir_time_text(text), "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day,
                            &hour, &minute, &second, &end),
                     6);
    assert_int_equal(end, (int)strlen(text));
    assert_true(year >= 2024);
}

static void git_is_asked_where_the_file_is(void **state)
{
    char folder[] = "/tmp/weir-git-XXXXXX", script[64], command[512];
    char *version;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(script, sizeof script, "%s/a.lua", folder);
    snprintf(command, sizeof command, "touch %s", script);
    assert_int_equal(system(command), 0);
    assert_null(weir_host_git(script)); /* no work tree */
    assert_null(weir_host_git("/nowhere/a.lua"));
    snprintf(
        command, sizeof command,
        "cd %s && git init -q . && git add a.lua && git -c user.name=a -c user.email=a@b commit "
        "-qm a && git tag v7 2>/dev/null && echo x >a.lua",
        folder);
    if (system("git --version >/dev/null 2>&1") == 0 && system(command) == 0) {
        version = weir_host_git(script);
        assert_string_equal(version, "v7-dirty");
        free(version);
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpus_and_memory),
        cmocka_unit_test(description),
        cmocka_unit_test(time_is_rfc_3339),
        cmocka_unit_test(git_is_asked_where_the_file_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
