import type { ListCategoriesRequest, ListCategoriesResponse } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import type { Dependencies } from "../dependencies.ts";

export function listCategories({ prisma }: Dependencies) {
  return async (_request: ListCategoriesRequest): Promise<ListCategoriesResponse> => ({
    categories: await prisma.category.findMany({ orderBy: [{ name: "asc" }, { id: "asc" }] }),
  });
}
