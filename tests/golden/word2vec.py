"""Neighbourhood quality of gensim's word vectors on made-up sentences, for tests/unit/test_plugin_word2vec.c
(continuous bag of words) and test_plugin_ip2vec.c (skip-gram).

    python3 word2vec.py > word2vec.json      (gensim 4.4.0, numpy 2.4.6)

Eight groups of ports; a sentence is a source port of a group, a destination port of the same group and a
protocol. Quality: the share of the five nearest ports of a port, over all ports, that are of its group.
The parameters are gensim's defaults but for the width 10; one worker, so that a seed gives one result; batches of 100
words, within which the step size stays, so that it falls as smoothly as ours.
"""
import json
import gensim
import numpy as np

GROUPS, SOURCES, DESTINATIONS, NEAREST = 8, 40, 6, 5


def sentences(count):
    state, made = 1, []

    def draw():
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return state >> 33

    for _ in range(count):
        group = draw() % GROUPS
        source = 10000 + group * SOURCES + draw() % SOURCES
        made.append([str(source), str(100 + group * DESTINATIONS + draw() % DESTINATIONS), "proto"])
    return made


def quality(vectors):
    words = [word for word in vectors.index_to_key if word != "proto"]
    ports = np.array([int(word) for word in words])
    groups = np.where(ports >= 10000, (ports - 10000) // SOURCES, (ports - 100) // DESTINATIONS)
    table = np.array([vectors[word] for word in words], dtype=float)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    cosines = table @ table.T
    np.fill_diagonal(cosines, -2)
    nearest = np.argsort(-cosines, axis=1)[:, :NEAREST]
    return float((groups[nearest] == groups[:, None]).mean())


def cases(skip_gram):
    found = []
    for count in (5000, 10000, 20000):
        made = sentences(count)
        values = [quality(gensim.models.Word2Vec(made, vector_size=10, min_count=1, workers=1, seed=seed,
                                                 batch_words=100, sg=skip_gram).wv) for seed in range(1, 9)]
        found.append({"sentences": count, "least": min(values), "mean": float(np.mean(values)),
                      "greatest": max(values)})
    return found


print(json.dumps({"gensim": gensim.__version__, "quality": cases(0), "skip_gram": cases(1)}, indent=1))
