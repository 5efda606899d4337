// Loads the kernels that suit this processor, from libllama's own folder, as soon as libllama is loaded.

#include "ggml-backend.h"

#include <dlfcn.h>
#include <string>

__attribute__((constructor)) static void load_backends() {
    Dl_info library;
    if (dladdr(reinterpret_cast<void *>(load_backends), &library) != 0) {
        const std::string path = library.dli_fname;
        ggml_backend_load_all_from_path(path.substr(0, path.rfind('/')).c_str());
    }
}
