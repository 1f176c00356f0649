/* SPDX-License-Identifier: MIT
 * cli/topics.c: small tables that help and the man page both tell: groups, examples, exit codes, environment. */
#include "cli.h"

#define ROW(table, index) ((index) >= 0 && (index) < (int)(sizeof table / sizeof *table) ? &table[index] : NULL)

const cli_topic *cli_group_at(int index) {
    static const cli_topic groups[] = {
        {"basic", "Painting", "绘画"},       {"output", "Output", "输出"},  {"cost", "Cost", "代价函数"},
        {"optimiser", "Optimiser", "优化器"}, {"picture", "Scales", "尺度"}, {"machine", "Machine", "机器"},
        {"series", "Many pictures", "多幅"}, {"training", "Training", "训练"}, {"filter", "Filters", "滤波"},
        {"sketch", "Sketches", "素描"},
        {"explain", "Looking inside", "看网络内部"}, {"studio", "Studio", "画室"}, {"general", "General", "其他"},
    };
    return ROW(groups, index);
}

const cli_topic *cli_family_at(int index) {
    static const cli_topic families[] = {
        {"model", "networks", "网络"}, {"train", "training", "训练"},
    };
    return ROW(families, index);
}

const cli_topic *cli_example_at(int index) {
    static const cli_topic examples[] = {
        {"danqing me.jpg starry-night.jpg -o me-painted.png", "paint a photo in the manner of a painting",
         "按一幅画的风格描绘照片"},
        {"danqing me.jpg wave.jpg --size 1024 --style-weight 100", "larger, and bolder strokes", "更大，笔触更浓"},
        {"danqing info me-painted.png", "what made it, and the command that makes it again", "它是怎样画成的，如何重画"},
    };
    return ROW(examples, index);
}

const cli_topic *cli_exit_code_at(int index) {
    static const cli_topic codes[] = {
        {"0", "done", "完成"},
        {"1", "failed for a reason not listed here; of a sweep or batch, some pictures could not be painted",
         "其他原因的失败；sweep 或 batch 中有图未能画成"},
        {"2", "usage: an option or argument that cannot be", "用法错误：选项或参数不对"},
        {"3", "an input picture is missing, damaged or not a picture", "输入图像缺失、损坏或不是图像"},
        {"4", "the network is missing, damaged or does not fit", "网络缺失、损坏或不合适"},
        {"5", "a limit (pixels, memory) forbids it, or memory ran out", "超出限制（像素、内存）或内存不足"},
        {"6", "the result could not be written", "结果无法写出"},
        {"7", "a download failed", "下载失败"},
        {"129", "ended by SIGHUP; the picture so far, a training's checkpoint, or what is finished of a series, was saved",
         "被 SIGHUP 结束；已保存当前画面、训练检查点或多幅中已完成的"},
        {"130", "ended by Ctrl-C; the picture so far, a training's checkpoint, or what is finished of a series, was saved",
         "被 Ctrl-C 结束；已保存当前画面、训练检查点或多幅中已完成的"},
        {"143", "ended by SIGTERM; the picture so far, a training's checkpoint, or what is finished of a series, was saved",
         "被 SIGTERM 结束；已保存当前画面、训练检查点或多幅中已完成的"},
    };
    return ROW(codes, index);
}

const cli_topic *cli_environment_at(int index) {
    static const cli_topic variables[] = {
        {"DANQING_MODELS", "folders to search for networks first, separated by colons", "首先查找网络的文件夹，以冒号分隔"},
        {"XDG_DATA_HOME", "fetched networks lie in danqing/models below it (~/.local/share)",
         "下载的网络放在其下的 danqing/models（~/.local/share）"},
        {"DANQING_CPU", "the best kernels that may be used: c, neon, avx2 or avx512", "允许使用的最高内核：c、neon、avx2 或 avx512"},
        {"DANQING_CASCADES", "the folder of OpenCV's cascade files, to find faces with (where opencv-data puts them)",
         "OpenCV 级联文件所在的文件夹，用于找人脸（默认为 opencv-data 的位置）"},
        {"NO_COLOR", "no colour in the progress bar unless it is empty", "非空时进度条不用颜色"},
        {"LANG", "help is in Chinese where it begins with zh (LC_ALL and LC_MESSAGES go first)",
         "以 zh 开头时帮助为中文（LC_ALL、LC_MESSAGES 优先）"},
    };
    return ROW(variables, index);
}
