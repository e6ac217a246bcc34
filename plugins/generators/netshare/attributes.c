/* Numbers of a piece: addresses, ports and protocol by the encoders, whether it continues and is
 * continued, NetShare's flow tags, and where in the chunk it starts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netshare.h"

/* Ports of the made-up rows: the well-known ones, and every so manieth of the others. */
#define KNOWN_PORTS 1024
#define PORT_STEP 128
#define MADE_UP_ROWS (KNOWN_PORTS + (65536 - KNOWN_PORTS) / PORT_STEP)

/* ---- Encoders --------------------------------------------------------------------------------*/

/* Rows from which an encoder learns nothing of anybody's trace: every well-known port and some of
 * the others as source and destination of TCP and UDP and one ICMP row in 64, addresses from all
 * over. */
static weir_dataset *make_up(weir_job *job, uint32_t schema)
{
    weir_error *error = weir_job_error(job);
    weir_table *table = weir_table_new(schema, MADE_UP_ROWS, error);

    for (uint32_t i = 0; table && i < MADE_UP_ROWS; i++) {
        uint32_t port = i < KNOWN_PORTS ? i : KNOWN_PORTS + (i - KNOWN_PORTS) * PORT_STEP;
        bool icmp = i % 64 == 0;

        weir_i64_out(table, weir_time_column(schema))[i] = i;
        weir_u32_out(table, "srcip")[i] = i * 2654435761u;
        weir_u32_out(table, "dstip")[i] = ~(i * 2654435761u);
        weir_u16_out(table, "srcport")[i] = (uint16_t)(icmp ? 0 : port);
        weir_u16_out(table, "dstport")[i] = (uint16_t)(icmp ? 0 : 65535 - port);
        weir_u8_out(table, "proto")[i] = icmp ? 1 : i % 2 ? 6 : 17;
    }
    return table ? weir_dataset_new(table, error) : NULL;
}

int netshare_fit_encoders(weir_job *job, const weir_dataset *train, const weir_dataset *of)
{
    static const char *const roles[] = {"addresses", "ports"};
    weir_dataset *made = of ? NULL : make_up(job, weir_dataset_schema(train));
    int status = of || made ? WEIR_OK : (int)weir_job_error(job)->status;

    for (size_t i = 0; i < 2 && status == WEIR_OK; i++) {
        weir_encoder *encoder = weir_encoder_open(job, roles[i]);

        status =
            encoder ? weir_encoder_fit(encoder, of ? of : made) : (int)weir_job_error(job)->status;
    }
    weir_dataset_free(made);
    return status;
}

/* ---- Layout ----------------------------------------------------------------------------------*/

static weir_encoder *open_role(weir_job *job, const char *role)
{
    weir_encoder *encoder = weir_encoder_open(job, role);

    if (encoder && weir_encoder_unit(encoder) != WEIR_PER_ROW) {
        weir_fail(job, WEIR_EOPTION,
                  "the encoder in role '%s' encodes flows; netshare takes one that encodes rows",
                  role);
        return NULL;
    }
    return encoder;
}

static weir_segment *add_encoder(weir_segment *to, const weir_layout *layout, const char *role)
{
    for (uint32_t i = 0; i < layout->count; i++, to++) {
        *to = layout->segments[i];
        snprintf(to->name, sizeof to->name, "%.12s.%.48s", role, layout->segments[i].name);
    }
    return to;
}

int netshare_open_attributes(weir_job *job, uint32_t tags, struct attributes *attributes)
{
    struct attributes *a = attributes;
    const weir_layout *addresses, *ports;
    weir_segment *segments, *to;

    *a = (struct attributes){.tags = tags};
    a->addresses = open_role(job, "addresses");
    a->ports = a->addresses ? open_role(job, "ports") : NULL;
    if (!a->ports)
        return weir_job_error(job)->status;
    addresses = weir_encoder_layout(a->addresses);
    ports = weir_encoder_layout(a->ports);
    a->address_width = addresses->width;
    a->port_width = ports->width;
    to = segments =
        weir_alloc(job, (size_t)addresses->count + ports->count + tags + 4, sizeof *segments);
    if (!segments)
        return weir_job_error(job)->status;
    to = add_encoder(to, addresses, "addresses");
    to = add_encoder(to, ports, "ports");
    *to++ = (weir_segment){"continues", 2, WEIR_SOFTMAX};
    *to++ = (weir_segment){"more", 2, WEIR_SOFTMAX};
    if (tags)
        *to++ = (weir_segment){"starts", 2, WEIR_SOFTMAX};
    for (uint32_t c = 0; c < tags; c++, to++) {
        *to = (weir_segment){.width = 2, .activation = WEIR_SOFTMAX};
        snprintf(to->name, sizeof to->name, "chunk.%u", c);
    }
    *to++ = (weir_segment){"start", 1, WEIR_SIGMOID};
    a->layout = (weir_layout){.count = (uint32_t)(to - segments), .segments = segments};
    for (uint32_t i = 0; i < a->layout.count; i++)
        a->layout.width += segments[i].width;
    return WEIR_OK;
}

/* ---- Encoding and decoding -------------------------------------------------------------------*/

static nn_real *put_flag(nn_real *to, bool flag)
{
    to[0] = !flag;
    to[1] = flag;
    return to + 2;
}

static const nn_real *get_flag(const nn_real *from, bool *flag)
{
    *flag = from[1] > from[0];
    return from + 2;
}

static void put_piece(const struct attributes *a, const struct chunks *chunks,
                      const struct window *windows, const struct piece *piece, nn_real *to)
{
    const struct window *window = &windows[piece->chunk];
    uint32_t first = chunks->flows->offsets[piece->flow];
    double start = (double)(chunks->times[chunks->flows->rows[piece->first]] - window->begin);

    to = put_flag(to, piece->continues);
    to = put_flag(to, piece->more);
    if (a->tags) /* the tags of a flow: the same for all of its pieces in a chunk */
        to = put_flag(to,
                      netshare_chunk_of(chunks->first, chunks->last, chunks->count,
                                        chunks->times[chunks->flows->rows[first]]) == piece->chunk);
    for (uint32_t c = 0; c < a->tags; c++)
        to = put_flag(to, chunks->present[piece->flow] >> c & 1);
    *to = (nn_real)fmin(fmax(start / (double)(window->end - window->begin), 0), 1);
}

int netshare_encode_attributes(weir_job *job, const struct attributes *a,
                               const struct chunks *chunks, const struct window *windows,
                               const struct piece *pieces, const uint32_t *which, size_t n,
                               nn_real *out)
{
    size_t most = a->address_width > a->port_width ? a->address_width : a->port_width;
    uint32_t *rows = calloc(n, sizeof *rows);
    float *encoded = malloc(n * most * sizeof *encoded);
    int status = rows && encoded ? WEIR_OK
                                 : weir_error_memory(weir_job_error(job),
                                                     n * most * sizeof *encoded, "a batch");

    for (size_t i = 0; i < n && status == WEIR_OK; i++)
        rows[i] = chunks->flows->rows[pieces[which[i]].first];
    if (status == WEIR_OK)
        status = weir_encode(a->addresses, chunks->data, rows, n, encoded);
    for (size_t i = 0; i < n && status == WEIR_OK; i++)
        for (uint32_t k = 0; k < a->address_width; k++)
            out[i * a->layout.width + k] = (nn_real)encoded[i * a->address_width + k];
    if (status == WEIR_OK)
        status = weir_encode(a->ports, chunks->data, rows, n, encoded);
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        nn_real *to = out + i * a->layout.width + a->address_width;

        for (uint32_t k = 0; k < a->port_width; k++)
            to[k] = (nn_real)encoded[i * a->port_width + k];
        put_piece(a, chunks, windows, &pieces[which[i]], to + a->port_width);
    }
    free(rows);
    free(encoded);
    return status;
}

static void get_piece(const struct attributes *a, const nn_real *from, struct made *made)
{
    made->present = 0;
    made->starts = true;
    from = get_flag(from, &made->continues);
    from = get_flag(from, &made->more);
    if (a->tags)
        from = get_flag(from, &made->starts);
    for (uint32_t c = 0; c < a->tags; c++) {
        bool present;

        from = get_flag(from, &present);
        made->present |= (uint64_t)present << c;
    }
    made->start = *from > 0 ? fmin((double)*from, 1) : 0;
}

/* The n rows of one encoder's width at `at` in rows of the layout's. */
static int decode_role(weir_encoder *encoder, const nn_real *in, uint32_t stride, uint32_t width,
                       size_t n, float *room, weir_table *scratch)
{
    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < width; k++)
            room[i * width + k] = (float)in[i * stride + k];
    return weir_decode(encoder, room, n, scratch);
}

int netshare_decode_attributes(weir_job *job, const struct attributes *a, const nn_real *in,
                               size_t n, weir_table *scratch, struct made *out)
{
    size_t most = a->address_width > a->port_width ? a->address_width : a->port_width;
    float *room = malloc(n * most * sizeof *room);
    int status =
        room ? decode_role(a->addresses, in, a->layout.width, a->address_width, n, room, scratch)
             : weir_error_memory(weir_job_error(job), n * most * sizeof *room, "a batch");

    if (status == WEIR_OK)
        status = decode_role(a->ports, in + a->address_width, a->layout.width, a->port_width, n,
                             room, scratch);
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        get_piece(a, in + i * a->layout.width + a->address_width + a->port_width, &out[i]);
        out[i].tuple = (weir_tuple){weir_u32(scratch, "srcip")[i], weir_u32(scratch, "dstip")[i],
                                    weir_u16(scratch, "srcport")[i],
                                    weir_u16(scratch, "dstport")[i], weir_u8(scratch, "proto")[i]};
    }
    free(room);
    return status;
}

void netshare_share_attributes(const struct attributes *a, const nn_real *of, nn_real *to)
{
    uint32_t from = a->address_width + a->port_width;
    /* what is behind `continues` and `more` and before the start is the flow's as well */
    memcpy(to, of, from * sizeof *to);
    memcpy(to + from + 4, of + from + 4, (a->layout.width - from - 5) * sizeof *to);
}
