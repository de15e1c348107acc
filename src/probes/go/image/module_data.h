// runtime.firstmoduledata of a Go executable: where its tables are.
#pragma once
