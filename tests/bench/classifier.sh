# Accuracy and time of the classifiers on the sample's labelled series, one thread: images of 16 and of 32 pixels a
# side, seeds 1 to $1 (3), all series of the training set and 10 of each label. A JSON line each.
classifier=$(bench_program classifier)
for side in 16 32; do
    for kind in cnn mlp; do
        for each in 0 10; do
            for seed in $(seq "${1:-3}"); do
                printf '{"name":"%s","side":%s,"each":%s,"seed":%s,"found":' "$kind" "$side" "$each" "$seed"
                "$classifier" "$source/experiments/data/sample-series.csv" "$side" "$seed" "$kind" "each=$each" | sed 's/$/}/'
            done
        done
    done
done
