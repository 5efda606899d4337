// Loads the kernels that suit this processor, from libllama's own folder, as soon as libllama is loaded.

#include "ggml-backend.h"

#include <cstdio>
#include <dlfcn.h>
#include <string>

static void log_errors(ggml_log_level level, const char * text, void *) {
    if (level == GGML_LOG_LEVEL_ERROR) {
        std::fputs(text, stderr);
    }
}

__attribute__((constructor)) static void load_backends() {
    Dl_info library;
    if (dladdr(reinterpret_cast<void *>(load_backends), &library) != 0) {
        const std::string path = library.dli_fname;
        ggml_log_set(log_errors, nullptr);  // each program would begin with a line that says what was chosen
        ggml_backend_load_all_from_path(path.substr(0, path.rfind('/')).c_str());
        ggml_log_set(nullptr, nullptr);
    }
}
