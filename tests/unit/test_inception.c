/* Inception-v3 with a narrow network's weights against torchvision (tests/golden/inception.py), and
 * files that do not fit. Covers: core/nn/models/inception.c core/nn/models/inception_network.c */
#include "classifier_test.h"
#include "data/safetensors.h"
#include <stdio.h>
#include <unistd.h>
#include <weir/inception.h>

#define GOLDEN WEIR_SOURCE_DIR "/tests/golden/inception.safetensors"

static weir_tensors read_golden(void)
{
    weir_tensors file = {0};
    weir_error error = {0};

    if (weir_tensors_read(&file, GOLDEN, &error))
        fail_msg("%s", error.text);
    return file;
}

static weir_inception *opened(weir_job *job)
{
    weir_inception *net = weir_inception_open(job, GOLDEN);

    if (!net)
        fail_msg("%s", weir_job_error(job)->text);
    return net;
}

static void features_equal_torchvision(void **state)
{
    static const char *const names[] = {"grey", "two", "colour", "four"};
    weir_tensors file = read_golden();
    weir_job *job = a_job(1);
    weir_inception *net = opened(job);

    (void)state;
    assert_int_equal(weir_inception_width(net), 64);
    for (size_t k = 0; k < 4; k++) {
        char name[40];
        const weir_tensor *x, *wanted;
        float found[3 * 64];

        snprintf(name, sizeof name, "images.%s", names[k]);
        x = weir_tensors_find(&file, name);
        snprintf(name, sizeof name, "features.%s", names[k]);
        wanted = weir_tensors_find(&file, name);
        assert_true(x && wanted && x->rank == 4 && x->shape[0] <= 3);
        assert_int_equal(wanted->shape[1], 64);
        assert_int_equal(weir_inception_features(job, net, x->data, x->shape[0],
                                                 (uint32_t)x->shape[1], (uint32_t)x->shape[2],
                                                 (uint32_t)x->shape[3], found),
                         WEIR_OK);
        for (size_t i = 0; i < x->shape[0] * 64; i++)
            assert_true(fabs((double)found[i] - ((const double *)wanted->data)[i]) < 1e-4);
    }
    assert_int_equal(weir_inception_features(job, net, NULL, 0, 8, 8, 1, NULL), WEIR_OK);
    weir_inception_free(net);
    weir_inception_free(NULL);
    weir_job_free(job);
    weir_tensors_free(&file);
}

/* The golden weights without those whose names begin with `without`, and with `odd` as five zeros.
 */
static void write_changed(const char *path, const char *without, const char *odd)
{
    weir_tensors file = read_golden(), changed = {0};
    const uint64_t five = 5;
    const float zeros[5] = {0};

    for (size_t i = 0; i < file.count; i++) {
        const weir_tensor *t = &file.items[i];
        bool is_odd = odd && !strcmp(t->name, odd);

        if (without && !strncmp(t->name, without, strlen(without)))
            continue;
        assert_int_equal(weir_tensors_add(&changed, t->name, t->type, is_odd ? 1 : t->rank,
                                          is_odd ? &five : t->shape, is_odd ? zeros : t->data,
                                          NULL),
                         WEIR_OK);
    }
    assert_int_equal(weir_tensors_write(&changed, path, NULL), WEIR_OK);
    weir_tensors_free(&file);
    weir_tensors_free(&changed);
}

static void check_refused(const char *path, int status, const char *first, const char *second)
{
    weir_job *job = a_job(1);

    assert_null(weir_inception_open(job, path));
    assert_int_equal(weir_job_error(job)->status, status);
    if (!strstr(weir_job_error(job)->text, first) || !strstr(weir_job_error(job)->text, second))
        fail_msg("%s", weir_job_error(job)->text);
    weir_job_free(job);
}

static void files_that_do_not_fit(void **state)
{
    char folder[] = "/tmp/weir-test-XXXXXX", path[64], command[64];
    FILE *text;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    check_refused(path, WEIR_EIO, "w.safetensors", "");
    text = fopen(path, "w");
    assert_non_null(text);
    fputs("not weights", text);
    fclose(text);
    check_refused(path, WEIR_EDATA, "w.safetensors", "");
    write_changed(path, "Mixed_6b.branch7x7_2.conv", NULL);
    check_refused(path, WEIR_EDATA, "1 arrays are missing or do not fit",
                  "; Mixed_6b.branch7x7_2.conv.weight is missing");
    write_changed(path, "Mixed_5c.branch_pool.bn.r", NULL);
    check_refused(path, WEIR_EDATA, "; Mixed_5c.branch_pool.bn.running_mean is missing",
                  "; Mixed_5c.branch_pool.bn.running_var is missing");
    write_changed(path, NULL, "Conv2d_2a_3x3.conv.weight");
    check_refused(path, WEIR_EDATA, "1 arrays", "weight is [5], must be [any][1][3][3]");
    write_changed(path, NULL, "Mixed_7c.branch1x1.bn.bias");
    check_refused(path, WEIR_EDATA, "1 arrays", "Mixed_7c.branch1x1.bn.bias is [5], must be [10]");
    write_changed(path, "M", NULL); /* nearly all: as many as there is room for are named */
    check_refused(path, WEIR_EDATA, "445 arrays", "; Mixed_5b.branch1x1.conv.weight is missing");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static void odd_images(void **state)
{
    weir_job *job = a_job(1);
    weir_inception *net = opened(job);
    float x[4] = {0, 1, 0.5f, NAN}, found[64];

    (void)state;
    assert_int_equal(weir_inception_features(job, net, x, 1, 1, 1, 1, found), WEIR_OK);
    assert_int_equal(weir_inception_features(job, net, x, 1, 1, 1, 3, found), WEIR_OK);
    weir_job_cancel_at(job, 1);
    assert_int_equal(weir_inception_features(job, net, x, 1, 1, 1, 1, found), WEIR_ECANCEL);
    weir_cancel_clear();
    assert_int_equal(weir_inception_features(job, net, x, 1, 2, 2, 1, found), WEIR_EDATA);
    assert_non_null(strstr(weir_job_error(job)->text, "features of image 1 are not finite"));
    weir_inception_free(net);
    weir_job_free(job);
    job = a_job(1);
    net = opened(job);
    assert_int_equal(weir_inception_features(job, net, x, 1, 0, 2, 1, found), WEIR_EDATA);
    weir_inception_free(net);
    weir_job_free(job);
    job = a_job(1);
    weir_job_cancel_at(job, 3);
    assert_null(weir_inception_open(job, GOLDEN));
    weir_cancel_clear();
    weir_job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_equal_torchvision),
        cmocka_unit_test(files_that_do_not_fit),
        cmocka_unit_test(odd_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
