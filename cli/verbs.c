/* SPDX-License-Identifier: MIT
 * cli/verbs.c: the table of verbs. A verb that is not here does not exist: help, man page and completions come from it. */
#include "cli.h"

#include <string.h>

static const cli_verb verbs[] = {
    {"paint", "PHOTO PAINTING…", 2, 1 + CLI_MAX_STYLES,
     "paint a photo in the manner of one or more paintings; the word paint can be left out",
     "按一幅或几幅画的风格描绘一张照片；paint 一词可以省略", cli_paint, false},
    {"sweep", "PHOTO PAINTING…", 2, 1 + CLI_MAX_STYLES,
     "paint every combination of options; needs -o FOLDER, and --vary or --preset",
     "按选项的各种组合作画；需要 -o FOLDER，以及 --vary 或 --preset", cli_sweep, false},
    {"batch", "PHOTO… -- STYLE…", 0, CLI_MAX_POSITIONALS, "paint every photo after every painting; needs -o FOLDER",
     "每张照片按每幅画各画一幅；需要 -o FOLDER", cli_batch, true},
    {"info", "PICTURE", 1, 1, "tell what made a picture and how to make it again", "说明一幅图是怎样画成的，如何重画",
     cli_info, false},
    {"model list", "", 0, 0, "list the networks that are installed or can be fetched", "列出已安装和可下载的网络",
     cli_model_list, false},
    {"model info", "NAME|FILE", 1, 1, "describe a network: layers, input, checksum", "描述一个网络：各层、输入约定、校验和",
     cli_model_info, false},
    {"model import", "FILE", 1, 1, "convert weights to safetensors; reads .pth, .h5, .mat and .caffemodel; needs -o FILE",
     "把权重转换为 safetensors；可读 .pth、.h5、.mat、.caffemodel；需要 -o FILE", cli_model_import, false},
    {"model fetch", "NAME", 1, 1, "download a known network and verify it", "下载一个已知网络并校验", cli_model_fetch, false},
    {"bench", "", 0, 0, "measure the speed of a network on this machine; an iteration, its layers, its memory",
     "测量网络在本机上的速度；一次迭代、各层、内存", cli_bench, false},
    {"train distil", "RECIPE", 1, 1, "train a small network to see as large ones do; needs -o NAME.safetensors",
     "训练小网络，使其所见与大网络相同；需要 -o NAME.safetensors", cli_train_distil, false},
    {"train sketch", "", 0, 0,
     "train a student that draws, from pairs of photos and sketches; needs --pairs and -o NAME.safetensors",
     "用照片与素描的配对训练会画素描的小网络；需要 --pairs 与 -o NAME.safetensors", cli_train_sketch, false},
    {"sketch", "PHOTO", 1, 1, "draw a face as an artist would whose sketches are given, or as lines; needs -o FILE",
     "按给定画家的笔法画人脸素描，或只画线条；需要 -o FILE", cli_sketch, false},
    {"sketch eval", "[TEST…]", 0, 16, "draw the photos of test folders and measure the sketches against the artist's",
     "为测试文件夹的照片画素描，并与画家的原作比较", cli_sketch_eval, false},
    {"filter", "PHOTO", 1, 1, "convolve a photo with a template: smooth, sharpen, edges, lines; needs -o FILE",
     "用模板卷积照片：平滑、锐化、边缘、线条；需要 -o FILE", cli_filter, false},
    {"explain network", "", 0, 0,
     "a network layer by layer; sizes, parameters, multiplications, receptive fields; -o FILE.svg draws it",
     "逐层说明网络；尺寸、参数、乘法次数、感受野；-o FILE.svg 画成图", cli_explain_network, false},
    {"explain features", "PHOTO", 1, 1, "the feature maps of a photo; their Gram matrix, the first filters; needs -o FILE",
     "照片的特征图；Gram 矩阵与第一层滤波器；需要 -o FILE", cli_explain_picture, false},
    {"explain channel", "", 0, 0, "what excites a channel most, and why: patches and deconvnet projections; needs -o FILE",
     "什么最能激活某个通道，为什么：图像块与反卷积投影；需要 -o FILE", cli_explain_picture, false},
    {"explain reconstruct", "PHOTO [PAINTING]", 1, 2,
     "rebuild a picture from content or style alone; layer by layer; needs -o FILE",
     "只用内容或只用风格重建图像；逐层进行；需要 -o FILE", cli_explain_picture, false},
    {"explain classify", "PHOTO", 1, 1, "what a network that classifies takes a photo for", "用分类网络判断照片是什么",
     cli_explain_classify, false},
    {"serve", "", 0, 0, "open the studio: a web page on this machine that paints, with a gallery",
     "打开画室：本机上的网页，可作画，带作品集",
     cli_serve, false},
    {"worker", "", 0, 0, "paint what the queue of a studio holds, on this machine too; needs --store or the studio's --data",
     "在本机上为画室的队列作画；需要 --store 或画室的 --data", cli_worker, false},
    {"help", "[VERB|all]", 0, 2, "help on a verb, or on everything", "某个子命令或全部（all）的帮助", cli_help, false},
};
enum { VERBS = sizeof verbs / sizeof *verbs };

const cli_verb *cli_verb_at(int index) { return index >= 0 && index < VERBS ? &verbs[index] : NULL; }

const cli_verb *cli_verb_named(const char *name) {
    for (int i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
    return NULL;
}

bool cli_is_family(const char *word) {
    const size_t n = strlen(word);
    for (int i = 0; i < VERBS; i++)
        if (n > 0 && strncmp(verbs[i].name, word, n) == 0 && verbs[i].name[n] == ' ') return true;
    return false;
}
