/* The report's model of a store, or of rows of scores without a store. */
#ifndef WEIR_TESTS_REPORT_MODEL_H
#define WEIR_TESTS_REPORT_MODEL_H

#include "report/differences.h"
#include "report/report.h"
#include "unit/store.h"

static const char HEADER[] = "dataset,generator,label,seed,kind,plugin,variant,feature,value,unit,"
                             "better,n_real,n_synthetic,status,reason,job\n";

/* With the differences; report_store_free(model->store) frees it. */
static report_model *open_model(const char *folder)
{
    weir_error error = {0};
    report_store *store = report_load(folder, &error);
    report_model *model = store ? report_aggregate(store, &error) : NULL;

    if (!model || report_compare(model, &error) != WEIR_OK)
        fail_msg("%s", error.text);
    return model;
}

/* The model of a scores.csv with these rows under the header, in a store without jobs. */
static report_model *model_of(const char *rows)
{
    char *folder = store_folder(), *text = NULL;
    report_model *model;

    assert_true(asprintf(&text, "%s%s", HEADER, rows) > 0);
    store_put(folder, "scores.csv", text);
    free(text);
    model = open_model(folder);
    store_remove(folder);
    return model;
}

#endif
